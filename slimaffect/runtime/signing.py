"""Who made a bundle: an Ed25519 signature of `bundle.json`, which holds the hash of every other file (RFC 8032)."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from slimaffect.errors import BundleError
from slimaffect.runtime.bundle import MANIFEST, Manifest, verified

SIGNATURE = "bundle.sig"
LARGEST_SIGNATURE = 4096  # bytes
CONTEXT = b"slimaffect.bundle/1\n"
"""Signed in front of the manifest: a signature of a bundle is then no signature of anything else."""


def new_key(private: Path) -> Path:
    """Make a key pair: the private key for its owner only, the public one beside it as `<name>.pub`.

    Raises:
        BundleError: a file of this name is there already, or `cryptography` is missing.
    """
    ed25519, serialization = _cryptography()
    if private.exists():
        raise BundleError(f"{private} is there already; a key is never overwritten. Give another name.")
    key = ed25519.Ed25519PrivateKey.generate()
    private.touch(0o600)
    pem = serialization.Encoding.PEM
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public = private.with_name(f"{private.name}.pub")
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return public


def sign(folder: Path, private: Path) -> Path:
    """Verify a bundle, and sign it.

    Raises:
        BundleError: the bundle is altered, or the key is none.
    """
    verified(folder)
    _, serialization = _cryptography()
    key = _loaded(private, lambda content: serialization.load_pem_private_key(content, password=None), "sign")
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    told = {"algorithm": "Ed25519", "signer": public.hex(), "signature": key.sign(_signed(folder)).hex()}
    file = folder / SIGNATURE
    file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return file


def signer(folder: Path, public: Path | None = None) -> tuple[Manifest, str]:
    """Verify a bundle and its signature; answers the signer's key as 64 hexadecimal digits.

    Args:
        folder: the bundle.
        public: the key of whom it must be by; without it any signer's, which proves only that nothing was changed
            since by somebody without that key.

    Raises:
        BundleError: altered, not signed, badly signed, or signed by somebody else.
    """
    manifest = verified(folder)
    ed25519, serialization = _cryptography()
    told = _read(folder / SIGNATURE)
    if public is not None:
        raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        wanted = _loaded(public, serialization.load_pem_public_key, "verify").public_bytes(*raw).hex()
        if told["signer"] != wanted:
            raise BundleError(f"{folder} was signed by {told['signer'][:16]}, not by {wanted[:16]}. Do not use it.")
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["signer"]))
        key.verify(bytes.fromhex(told["signature"]), _signed(folder))
    except Exception as fault:  # InvalidSignature has no words of its own
        raise BundleError(
            f"{folder / SIGNATURE} is no signature of this {MANIFEST} by {told['signer'][:16]}. Do not use it."
        ) from fault
    return manifest, told["signer"]


def _signed(folder: Path) -> bytes:
    return CONTEXT + (folder / MANIFEST).read_bytes()


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BundleError(f"{file.parent} is not signed. Sign it with: slim bundle sign {file.parent} --key KEY")
    try:
        with file.open("rb") as opened:
            told = json.loads(opened.read(LARGEST_SIGNATURE))
        if told["algorithm"] == "Ed25519" and isinstance(told["signer"], str) and isinstance(told["signature"], str):
            return told
    except (ValueError, KeyError, TypeError):
        pass
    raise BundleError(f"{file} is no Ed25519 signature. Do not use this bundle, or have it signed again.")


def _loaded(file: Path, load: Any, what: str) -> Any:
    ed25519, _ = _cryptography()
    if not file.is_file():
        raise BundleError(f"{file}: there is no such key. Make one with: slim bundle key {file}")
    try:
        key = load(file.read_bytes())
    except (ValueError, TypeError) as fault:
        raise BundleError(f"{file} is no key in PEM to {what} with: {fault}") from fault
    if not isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        raise BundleError(f"{file} holds a key of another kind than Ed25519. Make one with: slim bundle key FILE")
    return key


def _cryptography() -> tuple[Any, Any]:
    if importlib.util.find_spec("cryptography") is None:
        raise BundleError("Signatures need a package that is missing. Run: pip install slimaffect[sign]")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519, serialization
