// A process that serves models with ONNX Runtime, and keeps the KEEP used last.
//
// KEEP "mapped": all models are kept, and products read the weights where their files are mapped,
// instead of rearranged copies, so that the operating system drops and reads pages as memory allows.
//
//   node ort_serve.js MODULE DIR KEEP     requests "model item" on stdin, outputs on stdout, a line each
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const [module_, dir, keep] = process.argv.slice(2);
const ort = require(module_);

// items.npy: a header that ends in a newline, then float32 [16, width].
function readItems() {
  const bytes = fs.readFileSync(path.join(dir, 'items.npy'));
  const begin = 10 + bytes.readUInt16LE(8);
  const [rows, width] = /\((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, begin)).slice(1).map(Number);
  const items = [];
  for (let i = 0; i < rows; i++) {
    const at = begin + 4 * width * i;
    items.push(new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * width)));
  }
  return items;
}

const mapped = keep === 'mapped';
const options = mapped ? {extra: {session: {disable_prepacking: '1'}}, enableCpuMemArena: false} : {};
const loaded = new Map(); // in the order of use

async function predict(model, x) {
  let session = loaded.get(model);
  loaded.delete(model);
  if (!session) {
    while (!mapped && loaded.size >= Number(keep)) {
      const [oldest, unused] = loaded.entries().next().value;
      loaded.delete(oldest);
      await unused.release();
    }
    session = await ort.InferenceSession.create(path.join(dir, `m${model}.onnx`), options);
  }
  loaded.set(model, session);
  const {y} = await session.run({x: new ort.Tensor('float32', x, [1, x.length])});
  return y.data;
}

async function main() {
  const items = readItems();
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [model, item] = line.split(' ');
    console.log((await predict(model, items[Number(item)])).join(' '));
  }
}

main();
