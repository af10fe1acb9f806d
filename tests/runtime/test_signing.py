"""A signed bundle is by whom it says, and by nobody else."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from slimaffect.cli import app
from slimaffect.errors import BundleError
from slimaffect.runtime import Predictor
from slimaffect.runtime.signing import new_key, sign, signer

pytest.importorskip("cryptography")
runner = CliRunner()


@pytest.fixture
def bundle(shipped, tmp_path):
    """A copy to sign."""
    return shutil.copytree(shipped, tmp_path / "bundle")


@pytest.fixture
def key(tmp_path):
    """A private key; the public one lies beside it."""
    new_key(tmp_path / "lab.key")
    return tmp_path / "lab.key"


def test_signed_and_verified(bundle, key):
    """The signature holds for its signer's public key, and a signed bundle opens as before."""
    sign(bundle, key)
    manifest, who = signer(bundle, key.with_name("lab.key.pub"))
    assert manifest.files
    assert len(who) == 64
    assert signer(bundle)[1] == who
    Predictor.load(bundle, runtime="onnxruntime")


def test_the_private_key_is_its_owners(key):
    """Nobody else may read it, and it is never overwritten."""
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BundleError, match="is there already"):
        new_key(key)


def test_another_signer_is_refused(bundle, key, tmp_path):
    """Signed by one, expected of another: both are named."""
    sign(bundle, key)
    other = new_key(tmp_path / "other.key")
    with pytest.raises(BundleError, match=r"was signed by [0-9a-f]{16}, not by [0-9a-f]{16}"):
        signer(bundle, other)


def test_what_was_changed_after_signing_is_refused(bundle, key):
    """A manifest that was sealed anew, as a forger would, bears the old signature in vain; so does another signer."""
    from slimaffect.runtime.bundle import seal

    sign(bundle, key)
    told = json.loads((bundle / "bundle.json").read_text())
    told["provenance"]["seed"] = 1
    content = json.dumps(told).encode()
    (bundle / "bundle.json").write_bytes(content)
    (bundle / "bundle.sha256").write_text(seal(content))
    with pytest.raises(BundleError, match=r"is no signature of this bundle\.json"):
        signer(bundle)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"algorithm": "none", "signer": "", "signature": ""}', "x" * 9000]
)
def test_a_signature_that_is_none_is_refused(bundle, content):
    """Anything but an Ed25519 signature is refused in a sentence."""
    (bundle / "bundle.sig").write_text(content)
    with pytest.raises(BundleError, match="is no Ed25519 signature"):
        signer(bundle)


def test_unsigned_and_missing_keys_are_told(bundle, tmp_path):
    """What to run next is in the message."""
    with pytest.raises(BundleError, match=r"is not signed\. Sign it with: slim bundle sign"):
        signer(bundle)
    with pytest.raises(BundleError, match=r"no such key\. Make one with: slim bundle key"):
        sign(bundle, tmp_path / "gone")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(BundleError, match="is no key in PEM to sign with"):
        sign(bundle, tmp_path / "text")


def test_the_commands(bundle, tmp_path):
    """Verify an unsigned bundle, make a key, sign, verify by signer; a flipped bit fails."""
    key = str(tmp_path / "my.key")
    assert "not signed" in runner.invoke(app, ["bundle", "verify", str(bundle)]).output
    assert runner.invoke(app, ["bundle", "key", key]).exit_code == 0
    assert runner.invoke(app, ["bundle", "sign", str(bundle), "--key", key]).exit_code == 0
    told = runner.invoke(app, ["bundle", "verify", str(bundle), "--signer", f"{key}.pub"])
    assert "the signer you named" in told.output.replace("\n", " ")
    content = bytearray((bundle / "clip.fp32.onnx").read_bytes())
    content[100] ^= 1
    (bundle / "clip.fp32.onnx").write_bytes(content)
    assert isinstance(runner.invoke(app, ["bundle", "verify", str(bundle)]).exception, BundleError)
