// node run_ort.js DIR...: runs model_ort.onnx, or model.onnx, of each folder with ONNX Runtime on CASE/in/*.npy, and
// writes CASE/out/*.npy. Needs npm's onnxruntime-node 1.30.0, one thread.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const kTypes = {
  '<f4': ['float32', Float32Array], '<f8': ['float64', Float64Array], '<i8': ['int64', BigInt64Array],
  '<i4': ['int32', Int32Array], '<i2': ['int16', Int16Array],
};

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const descr = /'descr': '([^']+)'/.exec(header)[1];
  const dims = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').map((s) => s.trim()).filter((s) => s).map(Number);
  const count = dims.reduce((a, b) => a * b, 1);
  const data = bytes.subarray(10 + length);
  if (descr.startsWith('<U')) {
    const longest = Number(descr.slice(2));
    const strings = [];
    for (let i = 0; i < count; ++i) {
      let s = '';
      for (let k = 0; k < longest; ++k) {
        const c = data.readUInt32LE((i * longest + k) * 4);
        if (c) s += String.fromCodePoint(c);
      }
      strings.push(s);
    }
    return new ort.Tensor('string', strings, dims);
  }
  const [type, List] = kTypes[descr];
  return new ort.Tensor(type, new List(data.buffer.slice(data.byteOffset, data.byteOffset + data.length), 0, count), dims);
}

function writeNpy(file, tensor) {
  let descr;
  let data;
  if (tensor.type === 'string') {
    const longest = Math.max(1, ...tensor.data.map((s) => [...s].length));
    descr = '<U' + longest;
    data = Buffer.alloc(tensor.data.length * longest * 4);
    tensor.data.forEach((s, i) => [...s].forEach((c, k) => data.writeUInt32LE(c.codePointAt(0), (i * longest + k) * 4)));
  } else {
    descr = Object.keys(kTypes).find((d) => kTypes[d][0] === tensor.type);
    data = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  }
  const shape = '(' + tensor.dims.join(', ') + (tensor.dims.length === 1 ? ',' : '') + ')';
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY', 'latin1');
  start[6] = 1;
  start.writeUInt16LE(header.length, 8);
  fs.mkdirSync(path.dirname(file), {recursive: true});
  fs.writeFileSync(file, Buffer.concat([start, Buffer.from(header, 'latin1'), data]));
}

async function run(folder) {
  const other = path.join(folder, 'model_ort.onnx');
  const model = fs.existsSync(other) ? other : path.join(folder, 'model.onnx');
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, interOpNumThreads: 1});
  for (const name of fs.readdirSync(folder)) {
    if (!fs.existsSync(path.join(folder, name, 'in'))) continue;
    const feeds = {};
    for (const input of session.inputNames) feeds[input] = readNpy(path.join(folder, name, 'in', input + '.npy'));
    const outputs = await session.run(feeds);
    for (const output of session.outputNames) {
      writeNpy(path.join(folder, name, 'out', output + '.npy'), outputs[output]);
    }
  }
  if (model === other) fs.rmSync(other);
}

(async () => {
  for (const folder of process.argv.slice(2)) await run(folder);
})();
