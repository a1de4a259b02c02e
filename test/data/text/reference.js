// Writes expected/*.json: what Hugging Face's tokenizers make of texts.json with the tokenizers of this folder.
//
//     npm install tokenizers@0.23.2 && node reference.js PATH/node_modules/tokenizers
//
// expected/NAME.json: for each text [ids, text that these decode to]; expected/parts.json: by part, for each text
// the pieces that it falls into, joined by "|"; expected/pairs.json: for pairs of texts [ids, type ids].
const fs = require('fs'), path = require('path');
const { Tokenizer } = require(path.resolve(process.argv[2]));
const here = (...names) => path.join(__dirname, ...names);
const read = (name) => JSON.parse(fs.readFileSync(here(name), 'utf8'));
const texts = read('texts.json');
const ascii = (value) => JSON.stringify(value, null, 0).replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
const write = (name, rows) => fs.writeFileSync(here('expected', name), '[\n' + rows.map(ascii).join(',\n') + '\n]\n');

// Bytes as tokens, each also as the last of a word: the ids tell where the pieces end.
function probe(part) {
  const own = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  const vocab = {};
  for (let b = 0, n = 256; b < 256; b++) {
    const letter = String.fromCharCode(own(b) ? b : n++);
    vocab[letter] = b;
    vocab[letter + '|'] = 256 + b;
  }
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: part.normalizer || null,
    pre_tokenizer: part.pre_tokenizer ? { type: 'Sequence', pretokenizers: [part.pre_tokenizer, bytes] } : bytes,
    post_processor: null, decoder: null,
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: '|', fuse_unk: false, byte_fallback: false, vocab, merges: [] } };
}

function pieces(ids) {
  const out = [];
  for (const id of ids) {
    out.push(id & 255);
    if (id >= 256) out.push(124);
  }
  return Buffer.from(out).toString('utf8');
}

(async () => {
  for (const name of ['wordpiece', 'byte_bpe', 'llama_bpe', 'unigram']) {
    const tokenizer = Tokenizer.fromString(JSON.stringify(read(name + '.json')));
    const rows = [];
    for (const text of texts) {
      const ids = (await tokenizer.encode(text, null)).getIds();
      rows.push([ids, await tokenizer.decode(ids, true)]);
    }
    write(name + '.json', rows);
  }
  const parts = read('parts.json'), rows = [];
  for (const kind of ['normalizers', 'pre_tokenizers'])
    for (const [name, part] of Object.entries(parts[kind])) {
      const tokenizer = Tokenizer.fromString(JSON.stringify(probe({ [kind.slice(0, -1)]: part })));
      const results = [];
      for (const text of texts.slice(0, 36)) results.push(pieces((await tokenizer.encode(text, null)).getIds()));
      rows.push([kind, name, results]);
    }
  write('parts.json', rows);
  const pairs = [], pair = Tokenizer.fromString(JSON.stringify(read('wordpiece.json')));
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const e = await pair.encode(texts[i], texts[i + 1]);
    pairs.push([e.getIds(), e.getTypeIds()]);
  }
  write('pairs.json', pairs);
})();
