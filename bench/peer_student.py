"""A distillation from files to a student, as one writes it with PyTorch and transformers: what bench/student.ts times ours beside.

Usage: python peer_student.py SETUP.json [--keep] [--bf16]. `--keep`: the teacher is asked about each row once, before the training, and
its logits stay in memory, a language model's in float16; otherwise it is asked in each step. Of each evaluation a line of JSON is
written. Batches are padded to their longest row, and rows of about one length share them, as transformers' `group_by_length` arranges
it. A language model learns where a text ends: the token for that is appended to each row that has room for it.

The student starts from random weights, from some of the teacher's blocks (`layers`), or from a folder (`initial`).
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import transformers  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

IGNORED = -100


class Rows:
    """Texts as ids, cut to the setup's length; labels of a classifier, IGNORED where a row has none."""

    def __init__(self, setup, files, tokenizer, classes):
        rows = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
        tokenizer.enable_truncation(setup["maxLength"])
        self.ids = [encoding.ids for encoding in tokenizer.encode_batch([row["text"] for row in rows])]
        if setup["task"] == "causal-lm":
            end = tokenizer.token_to_id(setup["endOfText"])
            self.ids = [ids + [end] if len(ids) < setup["maxLength"] else ids for ids in self.ids]
        self.ids = [torch.tensor(ids) for ids in self.ids]
        self.labels = [classes.get(row.get("label"), IGNORED) for row in rows]

    def __len__(self):
        return len(self.ids)

    def batch(self, indices):
        """ids, mask and labels [rows, longest]; a classifier's labels are [rows]."""
        chosen = [self.ids[i] for i in indices]
        ids = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
        lengths = torch.tensor([len(row) for row in chosen])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return ids, mask, torch.tensor([self.labels[i] for i in indices])


def epoch_of(rows, size, generator):
    """Batches of rows of about one length, in random order: sorted within fifty batches at a time."""
    order = torch.randperm(len(rows), generator=generator).tolist()
    reach = 50 * size
    chunks = [sorted(order[i : i + reach], key=lambda row: len(rows.ids[row])) for i in range(0, len(order), reach)]
    batches = [chunk[i : i + size] for chunk in chunks for i in range(0, len(chunk), size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


class Distillation:
    def __init__(self, setup, bf16):
        self.setup = setup
        self.causal = setup["task"] == "causal-lm"
        kind = (
            transformers.AutoModelForCausalLM if self.causal else transformers.AutoModelForSequenceClassification
        )
        self.teacher = kind.from_pretrained(setup["teacher"], dtype=torch.float32).eval().requires_grad_(False)
        self.classes = {} if self.causal else self.teacher.config.label2id
        torch.manual_seed(setup["seed"])
        if "initial" in setup:
            self.student = kind.from_pretrained(setup["initial"], dtype=torch.float32).train()
        else:
            self.student = self.new_student().train()
        if "layers" in setup:
            self.take(setup["layers"])
        matrices = [p for p in self.student.parameters() if p.dim() > 1]
        vectors = [p for p in self.student.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": setup["weightDecay"]}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=setup["learningRate"], fused=True)
        # Rows of an evaluation's batch: logits of 50,000 tokens take 200 kB a position.
        self.at_once = 128 if self.teacher.config.vocab_size < 10_000 else 8
        self.autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)

    def new_student(self):
        of_teacher, shape = self.teacher.config, self.setup["architecture"]
        if self.causal:
            config = transformers.GPT2Config(
                vocab_size=of_teacher.vocab_size,
                n_positions=of_teacher.max_position_embeddings,
                n_embd=shape["hiddenSize"],
                n_layer=shape["layers"],
                n_head=shape["heads"],
                n_inner=shape["intermediateSize"],
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
            )
            return transformers.GPT2LMHeadModel(config)
        config = transformers.BertConfig(
            vocab_size=of_teacher.vocab_size,
            max_position_embeddings=of_teacher.max_position_embeddings,
            hidden_size=shape["hiddenSize"],
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            intermediate_size=shape["intermediateSize"],
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            id2label=of_teacher.id2label,
            label2id=of_teacher.label2id,
        )
        return transformers.BertForSequenceClassification(config)

    def take(self, layers):
        """Embeddings, some blocks and the last norm of a teacher like GPT-2."""
        own, theirs = self.student.transformer, self.teacher.transformer
        pairs = [(own.wte, theirs.wte), (own.wpe, theirs.wpe), (own.ln_f, theirs.ln_f)]
        for to, of in pairs + [(block, theirs.h[layer]) for block, layer in zip(own.h, layers)]:
            to.load_state_dict(of.state_dict())

    def logits(self, model, ids, mask):
        """Of what is predicted: [rows, classes], or [tokens, vocabulary] of all tokens that have a next one."""
        with self.autocast:
            if not self.causal:
                return model(input_ids=ids, attention_mask=mask).logits.float()
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return logits[:, :-1][mask[:, 1:].bool()].float()

    def targets(self, ids, mask, labels):
        return ids[:, 1:][mask[:, 1:].bool()] if self.causal else labels

    @torch.no_grad()
    def ask_all(self, rows):
        """The teacher's logits of each row, from batches of rows of one length."""
        order = sorted(range(len(rows)), key=lambda row: len(rows.ids[row]))
        kept = [None] * len(rows)
        for start in range(0, len(order), self.at_once):
            chosen = order[start : start + self.at_once]
            ids, mask, _ = rows.batch(chosen)
            counts = [len(rows.ids[row]) - 1 if self.causal else 1 for row in chosen]
            answers = self.logits(self.teacher, ids, mask)
            if self.causal:
                answers = answers.half()
            for row, answer in zip(chosen, answers.split(counts)):
                kept[row] = answer.clone()
        return kept

    def step(self, rows, chosen, kept):
        temperature, alpha = self.setup["temperature"], self.setup["alpha"]
        ids, mask, labels = rows.batch(chosen)
        if kept is None:
            with torch.no_grad():
                teacher = self.logits(self.teacher, ids, mask)
        else:
            teacher = torch.cat([kept[row] for row in chosen]).float()
        logits, labels = self.logits(self.student, ids, mask), self.targets(ids, mask, labels)
        soft = F.kl_div(
            F.log_softmax(logits / temperature, dim=-1),
            F.log_softmax(teacher / temperature, dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        # The mean of none is no number.
        counts = alpha < 1 and (labels != IGNORED).any()
        hard = F.cross_entropy(logits, labels, ignore_index=IGNORED) if counts else 0.0
        self.optimizer.zero_grad(set_to_none=True)
        (alpha * temperature**2 * soft + (1 - alpha) * hard).backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), self.setup["clipNorm"])
        self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, rows, answers=None):
        """Macro-F1 of a classifier, the mean loss of a language model in nats, or its mean KL from the teacher's answers, if given."""
        self.student.eval()
        order = sorted(range(len(rows)), key=lambda row: len(rows.ids[row]))
        predictions, labels, loss = [], [], 0.0
        for start in range(0, len(order), self.at_once):
            chosen = order[start : start + self.at_once]
            ids, mask, wanted = rows.batch(chosen)
            logits, wanted = self.logits(self.student, ids, mask), self.targets(ids, mask, wanted)
            if answers is None:
                loss += F.cross_entropy(logits, wanted, reduction="sum").item()
            else:
                teacher = F.log_softmax(torch.cat([answers[row] for row in chosen]).float(), dim=-1)
                loss += F.kl_div(F.log_softmax(logits, dim=-1), teacher, reduction="sum", log_target=True).item()
            predictions.append(logits.argmax(-1))
            labels.append(wanted)
        self.student.train()
        predictions, labels = torch.cat(predictions), torch.cat(labels)
        return loss / len(labels) if self.causal else macro_f1(predictions, labels, len(self.classes))


def macro_f1(predictions, labels, classes):
    scores = []
    for one in range(classes):
        right = ((predictions == one) & (labels == one)).sum().item()
        all_of_it = (predictions == one).sum().item() + (labels == one).sum().item()
        scores.append(2 * right / all_of_it if all_of_it else 0.0)
    return sum(scores) / classes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("setup", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    setup = json.loads(arguments.setup.read_text())
    torch.set_num_threads(setup["threads"])
    distillation = Distillation(setup, arguments.bf16)
    tokenizer = Tokenizer.from_file(str(Path(setup["teacher"]) / "tokenizer.json"))
    tokenizer.no_padding()
    train, validation = (Rows(setup, setup[name], tokenizer, distillation.classes) for name in ("train", "validation"))
    kept = distillation.ask_all(train) if arguments.keep else None
    answers = distillation.ask_all(validation) if setup["metric"] == "teacherKl" else None
    steps = setup["epochs"] * -(-len(train) // setup["batchSize"])
    schedule = transformers.get_cosine_schedule_with_warmup(
        distillation.optimizer, round(setup["warmup"] * steps), steps
    )
    generator = torch.Generator().manual_seed(setup["seed"])
    done = 0
    for _ in range(setup["epochs"]):
        for chosen in epoch_of(train, setup["batchSize"], generator):
            distillation.step(train, chosen, kept)
            schedule.step()
            done += 1
            if done % setup["evaluateEvery"] == 0 or done == steps:
                print(json.dumps({"step": done, "quality": distillation.evaluate(validation, answers)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
