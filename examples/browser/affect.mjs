// Affect in a browser: a bundle is fetched, every byte of it that is used is checked, and its stream graph is run.
// `ort` is onnxruntime-web (import * as ort from "onnxruntime-web/wasm"). Nothing leaves the page.

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

export class AffectStream {
  // Fetch bundle.json, its seal and the stream graph; refuse what does not match.
  static async open(ort, bundle) {
    const [manifest, seal] = await Promise.all(["bundle.json", "bundle.sha256"].map((name) => fetched(`${bundle}/${name}`)));
    if (!new TextDecoder().decode(seal).startsWith(await sha256(manifest))) throw new Error("bundle.json was altered");
    const told = JSON.parse(new TextDecoder().decode(manifest));
    const name = told.chosen.stream ?? told.chosen.file;
    const graph = await fetched(`${bundle}/${name}`);
    if ((await sha256(graph)) !== told.files[name].sha256) throw new Error(`${name} was altered`);
    const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
    return new AffectStream(ort, session, told);
  }

  constructor(ort, session, told) {
    Object.assign(this, { ort, session, pixels: told.preprocessing.pixels, rateHz: told.preprocessing.rate_hz });
    const { layers, hidden } = told.spec.lstm;
    this.stateShape = layers ? [layers, 1, hidden] : null;
    this.planes = new Uint8Array(3 * this.pixels ** 2);
    this.reset();
  }

  // Another recording, or another person, begins.
  reset() {
    const zeros = () => new this.ort.Tensor("float32", new Float32Array(this.stateShape.reduce((a, b) => a * b)), this.stateShape);
    this.state = this.stateShape ? { h: zeros(), c: zeros() } : {};
  }

  // Read the next face crop: the RGBA bytes of `pixels` x `pixels`, as a canvas gives them.
  async stepRgba(rgba) {
    const size = this.pixels ** 2;
    for (let at = 0; at < size; at++) {
      for (let colour = 0; colour < 3; colour++) this.planes[colour * size + at] = rgba[4 * at + colour];
    }
    return this.step(this.planes);
  }

  // Read the next face crop: uint8 RGB planes. Valence and arousal, both in [-1, 1].
  async step(planes) {
    const frames = new this.ort.Tensor("uint8", planes, [1, 1, 3, this.pixels, this.pixels]);
    const answer = await this.session.run({ frames, ...this.state });
    if (this.stateShape) this.state = { h: answer.h_out, c: answer.c_out };
    const [valence, arousal] = answer.affect.data;
    return { valence, arousal };
  }
}
