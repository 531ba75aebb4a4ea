#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_train_all.sh PROGRAM: one settings file makes a whole model from nothing; continued, it keeps what is finished and refuses other
# settings; the same stages train a package that has no plug-ins.
set -uo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED: $*"; bad=1; }
# expect CODE COMMAND ARGUMENTS...
expect() {
  local code=$1
  shift
  "$program" "$@" >"$work/out" 2>"$work/err"
  local got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat "$work/err")"
}
says() { grep -qF -- "$1" "$work/$2" || fail "'$1' is not in $2: $(cat "$work/$2")"; }

expect 0 data phantom -o "$work/data" --patients 6 --size 64 --slices 1 --questions 1 --parts head --format png --seed 3 --quiet
# Of each picture a question with two answers, which labels it for the image encoder.
n=0
for picture in $(grep -o '"image":"[^"]*"' "$work/data/train.json" | cut -d'"' -f4 | sort -u | head -8); do
  printf '{"image": "%s", "conversations": [{"from": "human", "value": "<image>\\nOdd or even?"}, {"from": "gpt", "value": "%s"}]}\n' \
    "$picture" "$([ $((n % 2)) = 0 ] && echo even || echo odd)"
  n=$((n + 1))
done >"$work/data/com.json"
[ "$n" = 8 ] || fail "the phantoms have $n pictures"
grep '"target_image"' "$work/data/train.json" | sed 's/,$//' | head -4 >"$work/data/gen.json"
cat "$work/data/com.json" "$work/data/gen.json" >"$work/data/all.json"

# stages LR: sections of the five stages, which are the same for the package below.
stages() {
  cat <<END
steps = 1
batch = 2
rank = 4
experts = 2
threads = 1
[1-com]
data = $work/data/com.json
[1-gen]
data = $work/data/gen.json
vocabulary = yes
[2-fusion]
data = $work/data/all.json
[3-com]
data = $work/data/com.json
lr = $1
[3-gen]
data = $work/data/gen.json
END
}
parts() {
  cat <<END
[tokenizer]
data = $work/data/all.json
vocabulary = 400
[pretrain-vq]
data = $work/data/all.json
steps = 1
batch = 4
size = 64
channels = 8
groups = 4
blocks = 1
codes = 32
[pretrain-vit]
data = $work/data/com.json
steps = 1
batch = 4
size = 64
layers = 2
hidden = 32
heads = 2
[pretrain-lm]
data = $work/data/all.json
steps = $1
batch = 4
length = 64
layers = 2
hidden = 32
heads = 2
END
}

{ stages 1e-3; parts 2; } >"$work/all.ini"
expect 0 train --all --config "$work/all.ini" -o "$work/run" --json
says '"pretrain-vq": {"steps": 1' out
says '"3-gen": {"steps": 1' out
for f in base/model.safetensors base/tokenizer.json clip/pytorch_model.bin vqgan/last.ckpt com_hlora_weights.bin gen_hlora_weights.bin \
  fusion_layer_weights.bin healthgpt.json; do
  [ -s "$work/run/result/$f" ] || fail "the result has no $f"
done
expect 0 inspect "$work/run/result"
expect 0 ask --model "$work/run/result" "What is this?" --max-tokens 2
cmp -s "$work/run/3-gen/gen_hlora_weights.bin" "$work/run/result/gen_hlora_weights.bin" || fail "the result has not what the last stage learnt"

# Continued: nothing is left to do, and nothing changes.
sum() { (cd "$work/run/result" && find . -type f -exec sha256sum {} + | sort -k 2); }
before=$(sum)
expect 0 train --all --config "$work/all.ini" -o "$work/run" --resume
says "stage pretrain-lm was finished before" err
says "stage 3-gen was finished before" err
[ "$before" = "$(sum)" ] || fail "continuing a finished chain changed its result"

# With other settings it is refused, and what differs is told: of a part, of a stage, and of data.
{ stages 1e-3; parts 3; } >"$work/other.ini"
expect 2 train --all --config "$work/other.ini" -o "$work/run" --resume
says "stage pretrain-lm: it was begun with other settings" err
says "steps 2" err
says "steps 3" err
{ stages 2e-3; parts 2; } >"$work/other.ini"
expect 2 train --all --config "$work/other.ini" -o "$work/run" --resume
says "stage 3-com: it was begun with other settings" err
says "'lr = 0.001', and now it is 'lr = 0.002'" err
echo >>"$work/data/com.json"
expect 2 train --all --config "$work/all.ini" -o "$work/run" --resume
says "it was begun with other settings" err
says "data = " err

# A model of one's own and parts from nothing do not go together.
expect 2 train --all --config "$work/all.ini" -o "$work/run2" --model "$work/run/model"
says "leave 'model' out" err

# The stages alone, on a package without plug-ins.
expect 3 convert "$work/run/model" --type f16 -o "$work/bare.gguf" --quiet
expect 0 convert "$work/run/model" --type f16 -o "$work/bare.gguf" --for-training --quiet
stages 1e-3 >"$work/stages.ini"
expect 0 train --all --config "$work/stages.ini" --model "$work/bare.gguf" -o "$work/run3"
for f in 1-com/com 1-gen/gen 3-com/com 3-gen/gen; do [ -s "$work/run3/${f}_hlora_weights.bin" ] || fail "no $f"; done
says "the model has no comprehension plug-in: a new one is begun" err
expect 0 train --all --config "$work/stages.ini" --model "$work/bare.gguf" -o "$work/run3" --resume
says "stage 3-gen was finished before" err
exit $bad
