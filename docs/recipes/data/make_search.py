#!/usr/bin/env python3
"""Writes the data and the models of the recipes over texts.

phrases.csv: sentences on twelve subjects, of which the recipes put reviews together. reviews/: a small embedding model in the layout of
Hugging Face: one vector for each word, from which words stand together in reviews (the singular vectors of their
counts), mean pooling, length 1. reranker/: a model of pairs: for each word of the question the most similar word of the text.

Needs python3-numpy and python3-onnx.
"""
import csv
import json
import os
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = helper.make_node
WIDTH = 32
rng = np.random.default_rng(12)

PHRASES = {
    "water": ["We spent every morning swimming in the warm pool", "The beach is five minutes away and the sea was calm and clear",
              "Children splash in the shallow water while others dive from the rocks", "The lake is clean enough to swim in until September",
              "A wide sandy shore with small waves", "The pool was closed for cleaning on two days", "You can snorkel along the coast and see fish",
              "Towels and sunshades at the beach cost extra", "Our boat trip to the bay ended with a swim", "The water slide was the best thing for the kids"],
    "food": ["The breakfast buffet had fresh bread, fruit and good cheese", "Dinner was tasty but the portions were small", "The chef cooks local dishes with fish and vegetables",
             "We ate the best pasta of the trip in the restaurant", "Soup arrived cold and the meat was dry", "Vegetarian meals are marked on the menu",
             "The dessert, a lemon cake, was delicious", "Wine and olives on the house every evening", "Fried eggs are made to order at breakfast", "The kitchen closes early, so we went hungry"],
    "noise": ["The street is loud and we could not sleep", "Music from the bar kept us awake until two", "Walls are thin and one hears the neighbours talk", "A quiet room to the garden, we slept very well",
              "Trucks pass below the window at night", "Bring ear plugs if you get a room above the club", "The air conditioning hums all night", "Silence at last, only crickets and wind",
              "Barking dogs woke us at dawn", "Construction noise started at seven"],
    "staff": ["The staff was friendly and helped with every wish", "The receptionist ignored us and was rude", "They carried our luggage and called a taxi", "Nobody answered the phone at the desk",
              "The owner welcomed us with a smile and a map", "Waiters are attentive and polite", "Check in took an hour because one person did everything", "The manager apologised and gave us a better room",
              "Our guide spoke three languages", "The maid was kind and left a note"],
    "clean": ["The bathroom was spotless and smelled of soap", "There was mould in the shower and hair in the sink", "Sheets were fresh and changed every day", "The carpet was stained and dusty",
              "We found a cockroach under the bed", "Everything was tidy and polished", "The toilet was dirty when we arrived", "Towels were grey and had holes",
              "Windows had not been washed for years", "Cleaning was thorough, even under the furniture"],
    "money": ["Very expensive for what you get", "A fair price and no hidden fees", "They charged my card twice and refused a refund", "Parking costs twenty a day, which is too much", "Cheap and honest, good value for students",
              "The deposit was paid back at once", "The bill had items that we never ordered", "A discount for guests who stay a week", "City tax has to be paid in cash", "We paid less than half of what others ask"],
    "travel": ["The airport bus stops in front of the house", "Ten minutes on foot to the railway station", "The metro takes you to the centre in a quarter of an hour", "A car is needed, there is no public transport", "The taxi driver did not find the address",
               "Our flight was late but the shuttle waited", "Rental bikes are a nice way around the town", "The tram line runs all night", "Signs to the motorway are missing", "The harbour and the ferry are close"],
    "net": ["The wireless network was slow and dropped my video calls", "Fast internet in all rooms, I worked without trouble", "The wifi password changes every day", "No signal on the phone in the valley", "Streaming films was impossible in the evening",
            "A desk, many sockets and a stable connection", "The router had to be restarted twice", "You can print documents at the desk", "The television had two channels without sound", "The charger in the lamp did not work"],
    "view": ["From the balcony one sees the mountains and the sunset", "The window faced a wall", "A beautiful terrace over the old town", "We watched the stars from the roof", "The valley lies below like a painting",
             "Fog hid the famous view all week", "The garden is full of roses and lemon trees", "A tower from which one sees the whole island", "The forest begins behind the house", "Photographs cannot show how green the hills are"],
    "family": ["The playground kept our children busy", "A cot and a high chair were ready for the baby", "There is nothing to do for teenagers", "The animation team played games with the kids", "Stairs everywhere, difficult with a pram",
               "Family rooms have bunk beds that our son loved", "Grandparents enjoyed the quiet corner", "The nursery opens at nine", "A babysitter can be booked for the evening", "Our daughter made friends at the kids club"],
    "sport": ["The gym has new weights and a treadmill", "We played tennis on a clay court", "Hiking paths start at the door", "Yoga on the lawn each morning", "The golf course is well kept", "The sauna was hot and the massage relaxing",
              "Skiing in winter, climbing in summer", "The bicycle tour was steep but great exercise", "Table tennis and darts in the cellar", "The fitness room is small and stuffy"],
    "weather": ["It rained for five days and the heating was off", "A heat wave, and no fan in the room", "The sun shone all week", "Snow blocked the road on our last day", "A storm broke the parasols", "Cool nights even in August",
                "The wind blew sand into everything", "Humid air and many mosquitoes", "Mild spring days, perfect for walks", "Frost on the windows in the morning"],
}
EXTRA = ["Where to swim", "I want to go bathing", "something good to eat for a vegetarian", "could not sleep because of the noise", "is it dirty", "work with a laptop online", "things to do with small kids", "we were charged too much",
         "how to get to the airport without a car", "a nice panorama", "training and exercise", "was it too cold"]
EXTRA_SUBJECT = ["water", "water", "food", "noise", "clean", "net", "family", "money", "travel", "view", "sport", "weather"]
STOP = set("the a an and or of to in on at for with was were is are be had has have we our us it its that this one two from by as no not but so how what where could i you they very all every there".split())


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def write_phrases():
    with open(os.path.join(HERE, "phrases.csv"), "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["id", "subject", "phrase"])
        n = 0
        for subject, phrases in PHRASES.items():
            for phrase in phrases:
                n += 1
                out.writerow([n, subject, phrase])


def vectors():
    """One vector for each word: words of one subject stand together."""
    sentences = {s: list(p) for s, p in PHRASES.items()}
    for s, e in zip(EXTRA_SUBJECT, EXTRA):
        sentences[s].append(e)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + sorted({w for p in sentences.values() for t in p for w in words(t)})
    index = {w: i for i, w in enumerate(vocabulary)}
    subjects = list(sentences)
    rows = []
    for _ in range(3000):
        own = sentences[subjects[rng.integers(len(subjects))]]
        rows.append([index[w] for i in rng.integers(0, len(own), 4) for w in words(own[i]) if w not in STOP])
    counts = np.zeros((len(vocabulary), len(rows)))
    for j, r in enumerate(rows):
        np.add.at(counts[:, j], r, 1)
    rarity = np.log(len(rows) / np.maximum((counts > 0).sum(1), 1))
    u, s, _ = np.linalg.svd(np.log1p(counts) * rarity[:, None], full_matrices=False)
    table = u[:, :WIDTH] * s[:WIDTH]
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    weight = np.where([w in STOP or w.startswith("[") for w in vocabulary], 0.02, np.clip(rarity / rarity.max(), 0.3, 1))
    noise = rng.normal(0, 1, table.shape)
    table = np.where(counts.sum(1, keepdims=True) > 0, table, 0.2 * noise / np.linalg.norm(noise, axis=1, keepdims=True))
    return vocabulary, (table * weight[:, None]).astype(np.float32)


def write_tokenizer(folder, vocabulary, max_length):
    special = [{"id": i, "content": vocabulary[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i in range(4)]
    post = {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [vocabulary.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}}
    tokenizer = {"version": "1.0", "truncation": {"direction": "Right", "max_length": max_length, "strategy": "LongestFirst", "stride": 0}, "padding": None,
                 "added_tokens": special, "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": post, "decoder": None,
                 "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(vocabulary)}, "unk_token": "[UNK]"}}
    with open(os.path.join(folder, "tokenizer.json"), "w") as f:
        json.dump(tokenizer, f, separators=(",", ":"))


def save(folder, name, nodes, inputs, output, constants):
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"]) for n in inputs]
    graph = helper.make_graph(nodes, name, ids, [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])], constants)
    model = helper.make_model(graph, producer_name="pg_mosaic recipes", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(folder, "model.onnx"))


def constant(name, value, dtype):
    return numpy_helper.from_array(np.array(value, dtype), name)


def embedder(vocabulary, table):
    folder = os.path.join(HERE, "reviews")
    write_tokenizer(folder, vocabulary, 64)
    nodes = [NODE("Gather", ["words", "input_ids"], ["vectors"]), NODE("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT), NODE("Unsqueeze", ["mask", "last"], ["column"]),
             NODE("Mul", ["vectors", "column"], ["last_hidden_state"])]
    save(folder, "reviews", nodes, ["input_ids", "attention_mask"], ("last_hidden_state", ["batch", "sequence", WIDTH]),
         [numpy_helper.from_array(table, "words"), constant("last", [2], np.int64)])
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    for path, content in (("config.json", {"model_type": "words", "max_position_embeddings": 64}), ("sentence_bert_config.json", {"max_seq_length": 64}),
                          ("1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True}),
                          ("modules.json", [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                                            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])):
        with open(os.path.join(folder, path), "w") as f:
            json.dump(content, f)


def reranker(vocabulary, table):
    """For each word of the first text the most similar one of the second, weighted by how rare it is. It has the vectors of the embedding model."""
    folder = os.path.join(HERE, "reranker")
    write_tokenizer(folder, vocabulary, 96)
    nodes = [NODE("Gather", ["words", "input_ids"], ["vectors"]), NODE("ReduceL2", ["vectors"], ["length"], axes=[2]), NODE("Add", ["length", "tiny"], ["divisor"]),
             NODE("Div", ["vectors", "divisor"], ["unit"]), NODE("Transpose", ["unit"], ["turned"], perm=[0, 2, 1]), NODE("MatMul", ["unit", "turned"], ["likeness"]),
             NODE("Cast", ["token_type_ids"], ["second"], to=TensorProto.FLOAT), NODE("Sub", ["one", "second"], ["first"]),
             NODE("Squeeze", ["length", "width"], ["weight"]), NODE("Mul", ["weight", "first"], ["of_question"]),
             NODE("Unsqueeze", ["second", "sequence"], ["columns"]), NODE("Mul", ["likeness", "columns"], ["across"]), NODE("ReduceMax", ["across"], ["best"], axes=[2], keepdims=0),
             NODE("Mul", ["best", "of_question"], ["parts"]), NODE("ReduceSum", ["parts", "sequence"], ["sum"]), NODE("ReduceSum", ["of_question", "sequence"], ["total"]),
             NODE("Div", ["sum", "total"], ["logits"])]
    save(folder, "reranker", nodes, ["input_ids", "token_type_ids"], ("logits", ["batch", 1]),
         [numpy_helper.from_array(table, "words"), constant("one", 1, np.float32), constant("tiny", 1e-6, np.float32), constant("width", [2], np.int64), constant("sequence", [1], np.int64)])


write_phrases()
for f in ("reviews", "reranker"):
    os.makedirs(os.path.join(HERE, f), exist_ok=True)
found = vectors()
embedder(*found)
reranker(*found)
