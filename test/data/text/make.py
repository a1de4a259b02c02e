#!/usr/bin/env python3
"""Makes the tokenizers of the tests: small ones, trained on this project's own documentation.

    apt-get install sentencepiece
    test/data/text/make.py

Writes wordpiece.json, byte_bpe.json, llama_bpe.json and unigram.json (tokenizer.json files), vocab.txt,
unigram.model and bpe.model, and parts.json: a normaliser or a pre-tokenizer each. reference.js and
make.py --sentencepiece then write what the references make of texts.json.
"""
import base64
import collections
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def corpus():
    return "\n".join(p.read_text() for p in sorted(ROOT.glob("docs/*.md"))[:8])


def byte_letters():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, n = {}, 0x100
    for b in range(256):
        letters[b] = chr(b) if b in own else chr(n)
        n += b not in own
    return letters


def train_bpe(words, merges):
    """The merges of the most frequent pairs: words is a Counter of tuples of symbols."""
    out = []
    for _ in range(merges):
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        out.append(best)
        merged = collections.Counter()
        for word, n in words.items():
            w, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    w.append(word[i] + word[i + 1])
                    i += 2
                else:
                    w.append(word[i])
                    i += 1
            merged[tuple(w)] += n
        words = merged
    return out


def tokenizer(model, normalizer, pre_tokenizer, decoder, post_processor=None, added=(), truncation=None):
    return {"version": "1.0", "truncation": truncation, "padding": None,
            "added_tokens": [dict({"single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                                   "special": True}, **a) for a in added],
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": post_processor,
            "decoder": decoder, "model": model}


def template(first, last, ids):
    def special(t, n=0):
        return {"SpecialToken": {"id": t, "type_id": n}}
    single = [special(t) for t in first] + [{"Sequence": {"id": "A", "type_id": 0}}] + [special(t) for t in last]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}] + [special(t, 1) for t in last]
    return {"type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in {*first, *last}}}


def wordpiece(text):
    words = collections.Counter(re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]", text.lower()))
    merges = train_bpe(collections.Counter({tuple(w): n for w, n in words.items()}), 600)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted({c for w in words for c in w} | set("abcdefghijklmnopqrstuvwxyz0123456789éüα中"))
    for piece in letters + [a + b for a, b in merges]:
        tokens += [piece, "##" + piece]
    tokens = list(dict.fromkeys(tokens))
    ids = {t: i for i, t in enumerate(tokens)}
    (HERE / "vocab.txt").write_text("".join(t + "\n" for t in tokens))
    return tokenizer(
        {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids},
        {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        {"type": "BertPreTokenizer"}, {"type": "WordPiece", "prefix": "##", "cleanup": True},
        template(["[CLS]"], ["[SEP]"], ids), [{"id": i, "content": t} for i, t in enumerate(tokens[:5])],
        {"direction": "Right", "max_length": 64, "strategy": "LongestFirst", "stride": 0})


def byte_bpe(text):
    letters = byte_letters()
    def letter(s):
        return tuple(letters[b] for b in s.encode())
    words = collections.Counter(letter(w) for w in re.findall(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+", text))
    merges = train_bpe(words, 700)
    tokens = ["<|endoftext|>"] + sorted(letters.values()) + [a + b for a, b in merges]
    return tokenizer(
        {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
         "fuse_unk": False, "byte_fallback": False, "vocab": {t: i for i, t in enumerate(dict.fromkeys(tokens))},
         "merges": [a + " " + b for a, b in merges]},
        {"type": "NFC"}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        [{"id": 0, "content": "<|endoftext|>"}])


def llama_bpe(text):
    words = collections.Counter(tuple("▁" + w) for w in re.findall(r"\S+", text))
    merges = train_bpe(words, 500)
    tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    tokens += sorted({c for w in words for c in w}) + [a + b for a, b in merges]
    ids = {t: i for i, t in enumerate(dict.fromkeys(tokens))}
    return tokenizer(
        {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
         "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": ids, "merges": [list(m) for m in merges]},
        {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                             {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, None,
        {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                          {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        template(["<s>"], [], ids), [{"id": i, "content": t} for i, t in enumerate(tokens[:3])])


# Rules of normalisation of our own: SentencePiece's would be ten times the rest of this folder.
RULES = {" ": "\u00a0\u2009\u3000\t\n\r", "": "\u200b\ufeff\x01", "fi": "ﬁ", "1/2": "½", "…": "", "A": "Ａ", "é": "e\u0301", "ガ": "ｶﾞ"}


def sentencepiece(text, kind):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "text").write_text(text)
        rules = [(c, to) for to, many in RULES.items() for c in ([many] if len(to) == 1 and to in "éガ" else many) if to != "…"]
        (folder / "rules").write_text("".join(
            "%s\t%s\n" % (" ".join("%X" % ord(x) for x in c), " ".join("%X" % ord(x) for x in to)) for c, to in rules))
        subprocess.run(["spm_train", "--input", folder / "text", "--model_prefix", HERE / kind, "--vocab_size", "900" if kind == "unigram" else "700",
                        "--model_type", kind, "--normalization_rule_tsv", folder / "rules", "--user_defined_symbols", "<sep>,pg_mosaic",
                        "--byte_fallback=" + ("false" if kind == "unigram" else "true"), "--max_sentence_length", "100000"],
                       check=True, capture_output=True)
    (HERE / (kind + ".vocab")).unlink()


def fields(message):
    """(number, value) of a protobuf message."""
    i = 0
    def varint():
        nonlocal i
        value = shift = 0
        while True:
            b = message[i]
            i += 1
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value
    while i < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 5:
            yield key >> 3, struct.unpack("<f", message[i : i + 4])[0]
            i += 4
        else:
            n = varint()
            yield key >> 3, message[i : i + n]
            i += n


def unigram():
    """unigram.model as Hugging Face's converter writes it, without its user-defined symbols."""
    pieces, charsmap = [], b""
    for number, value in fields((HERE / "unigram.model").read_bytes()):
        if number == 1:
            piece = dict(fields(value))
            pieces.append([piece[1].decode(), piece.get(2, 0.0)])
        elif number == 3:
            charsmap = dict(fields(value)).get(2, b"")
    meta = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    ids = {p: i for i, (p, _) in enumerate(pieces)}
    return tokenizer(
        {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False},
        {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, meta]}, meta,
        template([], ["</s>"], ids), [{"id": i, "content": p} for i, (p, _) in enumerate(pieces[:3])])


def parts():
    def t(kind, **options):
        return dict(type=kind, **options)
    def split(pattern, behavior, invert=False):
        return t("Split", pattern=pattern, behavior=behavior, invert=invert)
    normalizers = {
        "nfc": t("NFC"), "nfd": t("NFD"), "nfkc": t("NFKC"), "nfkd": t("NFKD"), "lowercase": t("Lowercase"), "nmt": t("Nmt"),
        "strip_accents": t("Sequence", normalizers=[t("NFD"), t("StripAccents")]),
        "strip_left": t("Strip", strip_left=True, strip_right=False), "strip_right": t("Strip", strip_left=False, strip_right=True),
        "prepend": t("Prepend", prepend="▁x"), "replace": t("Replace", pattern={"String": "the"}, content="<THE>"),
        "replace_regex": t("Replace", pattern={"Regex": "\\s+|(?<=l)l"}, content="_"), "byte_level": t("ByteLevel"),
        "bert_cased": t("BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False),
        "bert_accents": t("BertNormalizer", clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)}
    pre_tokenizers = {
        "bert": t("BertPreTokenizer"), "whitespace": t("Whitespace"), "whitespace_split": t("WhitespaceSplit"),
        "digits": t("Digits", individual_digits=True), "digits_together": t("Digits", individual_digits=False),
        "byte_level": t("ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        "delimiter": t("CharDelimiterSplit", delimiter="-"), "fixed_length": t("FixedLength", length=3),
        "metaspace": t("Metaspace", replacement="▁", prepend_scheme="always", split=True),
        "metaspace_first": t("Sequence", pretokenizers=[t("WhitespaceSplit"), t("Metaspace", replacement="▁", prepend_scheme="first", split=True)]),
        "metaspace_never": t("Metaspace", replacement="▁", prepend_scheme="never", split=False),
        "words": split({"Regex": "\\w+"}, "Removed", True),
        "gpt4": split({"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "Isolated")}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        pre_tokenizers["punctuation_" + behavior] = t("Punctuation", behavior=behavior)
        pre_tokenizers["text_" + behavior] = split({"String": " "}, behavior)
        pre_tokenizers["regex_" + behavior] = split({"Regex": "\\d|\\s+$|^\\S|e"}, behavior)
    return {"normalizers": normalizers, "pre_tokenizers": pre_tokenizers}


def encode_with_sentencepiece():
    texts = json.loads((HERE / "texts.json").read_text())
    # Its tools read a text a line.
    lines = [t for t in texts if t and not re.search("[\n\r\0]", t)]
    for kind in ("unigram", "bpe"):
        out = subprocess.run(["spm_encode", "--model", HERE / (kind + ".model"), "--output_format", "id"],
                             input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout
        back = subprocess.run(["spm_decode", "--model", HERE / (kind + ".model"), "--input_format", "id"],
                              input=out, capture_output=True, text=True, check=True).stdout
        rows = [[text, [int(x) for x in ids.split()], decoded]
                for text, ids, decoded in zip(lines, out.split("\n"), back.split("\n"))]
        write(HERE / "expected" / (kind + ".model.json"), rows, 0)


def write(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=True, indent=indent) + "\n")


def main():
    if "--sentencepiece" in sys.argv:
        encode_with_sentencepiece()
        return
    text = corpus()
    write(HERE / "wordpiece.json", wordpiece(text))
    write(HERE / "byte_bpe.json", byte_bpe(text))
    write(HERE / "llama_bpe.json", llama_bpe(text))
    for kind in ("unigram", "bpe"):
        sentencepiece(text, kind)
    write(HERE / "unigram.json", unigram())
    write(HERE / "parts.json", parts(), 1)


main()
