#!/usr/bin/env python3
"""Writes the seeds of tokenizer_fuzz: small tokenizers that between them have every part the readers know.

    test/fuzz/make_tokenizer_seeds.py
"""
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA, CORPUS = ROOT / "test/data/text", ROOT / "test/fuzz/corpus/tokenizer"
TEXT = "Hello <s>, the w\u00f6rld's 12 e\u0301\u0323 \u4e2d\u6587\n\n  [MASK] \U0001f469\u200d\U0001f467 ".encode()

WORD_LEVEL = {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}
BPE = {"type": "BPE", "unk_token": "u", "fuse_unk": True, "byte_fallback": True, "end_of_word_suffix": "",
       "vocab": {"u": 0, "a": 1, "b": 2, "ab": 3, "aba": 4, "\u2581": 5, "\u2581a": 6, "\u0120": 7, "\u0120t": 8, "t": 9, "<0x41>": 10},
       "merges": ["a b", ["ab", "a"], "\u2581 a", "\u0120 t"]}
UNIGRAM = {"type": "Unigram", "unk_id": 0, "byte_fallback": True,
           "vocab": [["<unk>", 0], ["a", -1.5], ["ab", -2], ["\u2581", -3], ["l", -1], ["ll", -1.25]]}
WORD_PIECE = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 10,
              "vocab": {"[UNK]": 0, "he": 1, "##llo": 2, "t": 3, "##he": 4, ",": 5}}
ADDED = [{"id": 50, "content": "<s>", "special": True, "normalized": False},
         {"id": 51, "content": "[MASK]", "lstrip": True, "rstrip": True, "normalized": True, "single_word": True}]


def put(name, tokenizer):
    content = tokenizer if isinstance(tokenizer, bytes) else json.dumps(tokenizer, ensure_ascii=False).encode()
    (CORPUS / name).write_bytes(struct.pack("<H", len(content)) + content + TEXT)


def shortened(name, keep):
    tokenizer = json.loads((DATA / name).read_text())
    model = tokenizer["model"]
    vocab = model["vocab"]
    model["vocab"] = vocab[:keep] if isinstance(vocab, list) else {k: v for k, v in vocab.items() if v < keep}
    if "merges" in model:
        model["merges"] = []
    return tokenizer


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    parts = json.loads((DATA / "parts.json").read_text())
    models = [WORD_LEVEL, BPE, UNIGRAM, WORD_PIECE]
    for i, (name, part) in enumerate(parts["normalizers"].items()):
        put("normalizer_" + name, {"model": models[i % 4], "normalizer": part, "added_tokens": ADDED})
    for i, (name, part) in enumerate(parts["pre_tokenizers"].items()):
        put("pre_tokenizer_" + name, {"model": models[i % 4], "pre_tokenizer": part})
    precompiled = shortened("unigram.json", 60)
    precompiled["truncation"] = {"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    put("precompiled", precompiled)
    put("llama", shortened("llama_bpe.json", 300))
    put("wordpiece", shortened("wordpiece.json", 80))
    put("vocab_txt", (DATA / "vocab.txt").read_bytes()[:500])
    for kind in ("unigram", "bpe"):
        put(kind + "_model", (DATA / (kind + ".model")).read_bytes())
    put("decoders", {"model": BPE, "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 1},
        {"type": "CTC", "pad_token": "a", "word_delimiter_token": "b", "cleanup": True}]}})
    put("processors", {"model": WORD_PIECE, "pre_tokenizer": {"type": "BertPreTokenizer"},
                       "post_processor": {"type": "Sequence", "processors": [
                           {"type": "ByteLevel"}, {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}]},
                       "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}})


main()
