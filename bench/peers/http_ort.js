// ONNX Runtime behind HTTP: the body of a POST is one item of float32, the answer its class.
//
//   node http_ort.js NODE_PACKAGE MODEL ITEM_SIZE      prints its port
const http = require('http');
const ort = require(require('path').resolve(process.argv[2]));

async function main() {
  const session = await ort.InferenceSession.create(process.argv[3], {intraOpNumThreads: 1, interOpNumThreads: 1});
  const size = Number(process.argv[4]);
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      const body = new Uint8Array(Buffer.concat(parts));
      const x = new ort.Tensor('float32', new Float32Array(body.buffer, 0, size), [1, size]);
      const y = (await session.run({[input]: x}))[output].data;
      let best = 0;
      for (let i = 1; i < y.length; i++) if (y[i] > y[best]) best = i;
      response.end(String(best));
    });
  });
  server.keepAliveTimeout = 0; // a client may be busy with something else for long
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}
main();
