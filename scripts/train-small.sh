#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# train-small.sh [--quick] [FOLDER]: a complete small HealthGPT from synthetic pictures and, where they are there, real ones: tokenizer, picture autoencoder, image
# encoder, language model, both plug-ins in three stages, one quantised package FOLDER/healthgpt-small.gguf. What is finished is not done
# again, and what was interrupted goes on from its checkpoint: run it again after an interruption. The same folder name, processor
# and options give the same package. --quick proves the chain in minutes; its model is of no use.
set -euo pipefail
cd "$(dirname "$0")/.."
quick=false out=
for arg in "$@"; do
  case $arg in
    --quick) quick=true ;;
    -*) echo "usage: scripts/train-small.sh [--quick] [FOLDER]" >&2; exit 2 ;;
    *) out=$arg ;;
  esac
done
program=${HEALTHGPT:-build/healthgpt}
[ -x "$program" ] || { echo "train-small.sh: no program at $program: make build first" >&2; exit 1; }

# Sizes. Everything else is the default of its stage (docs/training.md).
size=64
if $quick; then
  out=${out:-small-quick}
  patients=30 slices=2 questions=4 blank=10
  vocabulary=1024
  vq="--steps 120 --batch 8 --codes 256"
  vit="--steps 60 --batch 32 --layers 4 --hidden 128 --heads 4"
  lm="--steps 80 --batch 16 --length 128 --layers 4 --hidden 256 --heads 4"
  align="--steps 15 --batch 8 --lr 1e-3 --projector-lr 1e-3" fuse="--steps 15 --batch 8 --lr 1e-3"
  gen="--steps 30 --batch 8 --lr 2e-3 --projector-lr 1e-3" com="$gen --per-picture 4" see="$gen --per-picture 2" find=$com
  com_rank=16 gen_rank=32
else
  out=${out:-small}
  patients=7200 slices=3 questions=7 blank=300
  vocabulary=2048
  vq="--steps 2500 --batch 16 --codes 1024 --lr 1e-3 --save-every 500"
  vit="--steps 20000 --batch 32 --layers 6 --hidden 192 --heads 6 --shift 0.02 --save-every 1000"
  lm="--steps 2400 --batch 4 --length 384 --lr 1e-3 --layers 6 --hidden 256 --heads 4 --save-every 500"
  align="--steps 200 --batch 16 --lr 1e-3 --projector-lr 1e-3"
  fuse="--steps 100 --batch 16 --lr 1e-3"
  see="--steps 1000 --batch 16 --lr 1e-3 --projector-lr 1e-3 --schedule constant --per-picture 2"
  com="--steps 6500 --batch 16 --lr 5e-4 --projector-lr 5e-4 --per-picture 4"
  find="--steps 4500 --batch 16 --lr 4e-4 --projector-lr 4e-4 --per-picture 4"
  gen="--steps 4000 --batch 8 --lr 1e-3 --projector-lr 5e-4"
  com_rank=64 gen_rank=128
fi
# Real pictures, where there are some: a folder with a manifest.jsonl (docs/data.md). Rows whose licence would bind the weights are left out.
real=${REAL_PICTURES:-../shared/data}
export OMP_WAIT_POLICY=passive # threads that wait leave their core to the stage beside them
seed=1 data=$out/data model=$out/model
mkdir -p "$out" "$model"

# step NAME: whether it has still to be done; done NAME marks it.
step() { [ ! -e "$out/$1.done" ] || return 1; echo "== $1 ($(date +%H:%M:%S))" >&2; }
finish() { : >"$out/$1.done"; }
# train STAGE OPTIONS...: goes on from the checkpoint of OUT/STAGE.
train() { local stage=$1; shift; "$program" train --stage "$stage" -o "$out/$stage" --resume --seed $seed "$@"; }
# deal SHARES: the comprehension items of the training lists, of each kind of question so many parts of one.
deal() {
  local lists=("$data/train-com.json" "$data/train-blank.json")
  [ ! -f "$data/train-real.json" ] || lists+=("$data/train-real.json")
  awk -v shares="$1" 'BEGIN { n = split(shares, s, /[ \n=]+/); for (i = 1; i < n; i += 2) share[s[i]] = s[i + 1] }
    { kind = $0; sub(/.*"question_type":"/, "", kind); sub(/".*/, "", kind)
      if (kind ~ /^(abnormality|presence|modality)$/ && /"answer_type":"CLOSED"/) kind = kind (/"value":"Yes"/ ? "-yes" : "-no")
      if (/"image":"blank\//) kind = "blank"
      if (/"image":"real\//) kind = "real"
      for (due[kind] += share[kind]; due[kind] >= 1; due[kind]--) print }' "${lists[@]}"
}
# install FROM TO: a part goes to the model whole or not at all; a file while others read the model.
install() { rm -rf "$2.new" && cp -r "$1" "$2.new" && { [ ! -d "$2" ] || rm -rf "$2"; } && mv -f "$2.new" "$2"; }

if step data; then
  rm -rf "$data"
  "$program" data phantom -o "$data" --patients $patients --size $size --slices $slices --questions $questions --seed $seed
  if [ -f "$real/manifest.jsonl" ] && ! $quick; then
    rm -rf "$out/pictures.new" && mkdir "$out/pictures.new" # an interruption may have left one
    grep -E '^\{"path": "(images|vqa/vqa_rad/images)/' "$real/manifest.jsonl" \
      | grep -vE '"licence": "[^"]*(GPL|-SA|-NC|-ND)' >"$out/pictures.new/manifest.jsonl"
    ln -s "$(realpath "$real/images")" "$(realpath "$real/vqa")" "$out/pictures.new/"
    rm -rf "$out/pictures" && mv "$out/pictures.new" "$out/pictures"
    "$program" data build --from catalogue "$out/pictures" -o "$data/real" --seed $seed --val 0.06 --test 0.16
  fi
  for list in train val; do # one item a line, questions and drawings apart
    grep '^{' "$data/$list.json" | sed 's/,$//' >"$data/$list-items.json"
    grep '"task":"comprehension"' "$data/$list-items.json" >"$data/$list-com.json"
    # What is asked where one stage both asks and draws: mostly what has one right answer, and all about organs. Real pictures are few and count twice.
    awk '/"question_type":"organs?"/ { print; next } /"answer_type":"(OPEN|CAPTION)"/ { if (open++ % 6 == 0) print; next } closed++ % 2 == 0' "$data/$list-com.json" >"$data/$list-ask.json"
    # Captions and lists of organs: what they say about a picture is all of it at once.
    grep -E '"answer_type":"CAPTION"|"question_type":"organs"' "$data/$list-com.json" >"$data/$list-captions.json"
    grep "\"split\":\"$list\"" "$data/texts.jsonl" | grep -v '_options",' >"$data/$list-texts.json"
    if [ -f "$data/real/$list.json" ]; then
      grep '^{' "$data/real/$list.json" | sed -e 's/,$//' -e 's|"image":"images/|"image":"real/images/|' >"$data/$list-real.json"
      grep '"answer_type":"CAPTION"' "$data/$list-real.json" >>"$data/$list-captions.json"
      cat "$data/$list-real.json" "$data/$list-real.json" >>"$data/$list-ask.json"
      jq -sc 'group_by(.image)[] | {id: .[0].id, conversations: [.[].conversations[] | .value |= ltrimstr("<image>\n")]}' \
        "$data/$list-real.json" >>"$data/$list-texts.json"
    fi
    # What they draw: the program's tasks alone, half of the reconstructions, films three times since there are few.
    grep -v '"task":"comprehension"\|"task":"t[12]-to-t[12]"' "$data/$list-items.json" \
      | awk '/"task":"reconstruct"/ && n++ % 2 { next } { print } /"task":"report-to-cxr"/ { print; print }' >"$data/$list-draw.json"
    cat "$data/$list-ask.json" "$data/$list-draw.json" >"$data/$list-both.json"
    awk 'NR % 8 == 0' "$data/$list-draw.json" >>"$data/$list-texts.json" # their words, too
  done
  for list in train val; do # what the language model reads; to find the right option takes it the most examples
    { # conversations of choices in two halves, so that the caption is near
      grep "\"split\":\"$list\"" "$data/texts.jsonl" | grep '_options",' \
        | jq -c '.conversations as $c | ($c[0:10], $c[0:2] + $c[10:]) | {conversations: .}'
      cat "$data/$list-texts.json"
    } >"$data/$list-talk.json"
  done
  awk 'NR % 8 == 0' "$data/val-talk.json" >"$data/val-few-talk.json" # enough to measure a perplexity
  # Pictures that show nothing, for the answers alone.
  "$program" data phantom -o "$data/blank" --parts blank --patients $blank --size $size --slices 2 --questions 7 --seed $seed
  grep '"task":"comprehension"' "$data/blank/train.json" | sed -e 's/,$//' -e 's|"image":"images/|"image":"blank/images/|' >"$data/train-blank.json"
  # Films, which are drawn from words alone, take more showing than pictures that are drawn from pictures.
  awk '{ print } /"task":"report-to-cxr"/ { print; print }' "$data/train-draw.json" >"$data/train-films.json"
  # Captions and organs teach most a question; what is hardest, findings, their side and place, is learnt best at the end. There, more are healthy
  # than ill, so that a doubtful shadow is called none.
  deal "caption=.66 organs=1.5 organ=1 abnormality-no=.7 abnormality-yes=.6 abnormality=.4 presence-no=.6 presence-yes=.6 side=1 location=.4 size=.2 count=.2
    modality-no=.35 modality-yes=.35 modality=.2 part=.2 plane=.15 sequence=.2 blank=1 real=2" >"$data/train-tune.json"
  deal "caption=.08 organs=.4 organ=.25 abnormality-no=1 abnormality-yes=.7 abnormality=.35 presence-no=1 presence-yes=.75 side=1 location=.5 size=.3 count=.3
    modality-no=.06 modality-yes=.06 modality=.03 part=.03 plane=.03 sequence=.03 blank=1 real=1.4" >"$data/train-findings.json"
  finish data
fi

if step tokenizer; then
  "$program" train --stage tokenizer --data "$data/train-texts.json" -o "$out/tokenizer" --vocabulary $vocabulary
  finish tokenizer
fi

# Parts that do not need each other are made side by side, one of them on one core: nothing in a result depends on the number of threads.
beside() { # COMMAND COMMAND
  local first second # both in the background, where an error ends them
  "$1" & first=$!
  "$2" & second=$!
  wait $first || { kill $second; exit 1; }
  wait $second
}
make_encoder() {
  local labelled=com # real pictures answer questions, phantoms are known by their facts
  [ ! -f "$data/train-real.json" ] || labelled=real
  step pretrain-vit || return 0
  train pretrain-vit --data "$data/train-$labelled.json" --validation "$data/val-$labelled.json" --facts "$data/truth.jsonl" --size $size \
    --threads 1 $vit
  install "$out/pretrain-vit/clip" "$model/clip"
  finish pretrain-vit
}
make_codes_and_language() {
  if step pretrain-vq; then
    train pretrain-vq --data "$data/train-both.json" --validation "$data/val-draw.json" --size $size $vq
    install "$out/pretrain-vq/vqgan" "$model/vqgan"
    finish pretrain-vq
  fi
  step pretrain-lm || return 0
  train pretrain-lm --data "$data/train-talk.json" --validation "$data/val-few-talk.json" --tokenizer "$out/tokenizer/base" $lm
  install "$out/pretrain-lm/base" "$model/base"
  finish pretrain-lm
}
beside make_encoder make_codes_and_language

pictures() { [ -f "$data/train-real.json" ] && echo "synthetic pictures and openly licensed real ones" || echo "synthetic pictures alone"; }
cat >"$model/healthgpt.json" <<EOF
{
  "name": "healthgpt-small",
  "system_prompt": "",
  "tasks": ["reconstruct", "super-resolution", "ct-to-mri", "mri-to-ct", "report-to-cxr"],
  "license": "Apache-2.0",
  "description": "A small HealthGPT made from $(pictures) by scripts/train-small.sh$($quick && echo ' --quick: it proves the chain and is of no use').",
  "intended_use": "Trying the program and teaching. Not for clinical use."
}
EOF

# The three stages of the paper. Each finds the parts that those before it have left in the model's folder.
com() { # STAGE FOLDER LIST SEED OPTIONS...: goes on with the comprehension plug-in, in a folder of its own
  "$program" train --stage "$1" --model "$model" --data "$data/train-$3.json" -o "$out/$2" --resume --seed "$4" --threads 1 "${@:5}"
  install "$out/$2/com_hlora_weights.bin" "$model/com_hlora_weights.bin"
}
gen() { train "$1" --model "$model" --data "$data/train-$2.json" --cache "$out/codes" --vocabulary yes "${@:3}"; } # takes the core that com leaves
align_com() { com 1-com 1-com captions $seed $align --rank $com_rank; }
align_gen() { gen 1-gen draw $align --rank $gen_rank; }
# Captions first: they say everything about a picture at once, so that the answers come to depend on it; with questions alone the loss stays
# for a thousand steps at what can be guessed.
tune_com() {
  com 3-com 3-com-captions captions $seed $see
  com 3-com 3-com tune $seed $com
  com 3-com 3-com-findings findings $seed $find
}
tune_gen() { gen 3-gen films $gen; }
if step 1-com+gen; then
  beside align_com align_gen
  install "$out/1-gen/gen_hlora_weights.bin" "$model/gen_hlora_weights.bin"
  install "$out/1-gen/fusion_layer_weights.bin" "$model/fusion_layer_weights.bin"
  finish 1-com+gen
fi
if step 2-fusion; then
  train 2-fusion --model "$model" --data "$data/train-both.json" --cache "$out/codes" $fuse
  install "$out/2-fusion/fusion_layer_weights.bin" "$model/fusion_layer_weights.bin"
  finish 2-fusion
fi
if step 3-com+gen; then
  beside tune_com tune_gen
  install "$out/3-gen/gen_hlora_weights.bin" "$model/gen_hlora_weights.bin"
  install "$out/3-gen/fusion_layer_weights.bin" "$model/fusion_layer_weights.bin" # the codes' rows need longer than the stages before give them
  finish 3-com+gen
fi
if step package; then
  "$program" convert "$model" --type q8_0 --hlora-type q8_0 --clip-type q8_0 --vqgan-type f16 -o "$out/healthgpt-small.gguf"
  finish package
fi
bytes=$(stat -c %s "$out/healthgpt-small.gguf")
echo "$out/healthgpt-small.gguf: $bytes bytes, SHA-256 $(sha256sum "$out/healthgpt-small.gguf" | cut -d' ' -f1)"
[ "$bytes" -le $((24 << 20)) ] || { echo "train-small.sh: larger than 24 MiB" >&2; exit 1; }
