// tokenize_reference.js MODULE TOKENIZER TEXTS OUT: as bench/tokenize.cc, by Hugging Face's tokenizers.
const fs = require('fs');
const [module_, tokenizerFile, textsFile, outFile] = process.argv.slice(2);
const { Tokenizer } = require(module_);
const json = JSON.parse(fs.readFileSync(tokenizerFile));
json.padding = json.truncation = null;
const tokenizer = Tokenizer.fromString(JSON.stringify(json));
(async () => {
  let bytes = 0, tokens = 0, seconds = 0;
  const out = fs.openSync(outFile, 'w');
  for (const line of fs.readFileSync(textsFile, 'utf8').split('\n')) {
    if (!line) continue;
    const text = JSON.parse(line);
    bytes += Buffer.byteLength(text);
    const start = process.cpuUsage();
    const ids = (await tokenizer.encode(text, null)).getIds();
    const used = process.cpuUsage(start);
    seconds += (used.user + used.system) / 1e6;
    tokens += ids.length;
    fs.writeSync(out, ids.join(' ') + '\n');
  }
  console.log(bytes, tokens, seconds);
})();
