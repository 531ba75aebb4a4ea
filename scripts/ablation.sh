#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ablation.sh [--quick] [SMALL] [OUT]: the comparisons of the HealthGPT paper, repeated on the small model. SMALL is the folder that
# scripts/train-small.sh left (default: small); runs and the tables OUT/ablation.md go to OUT (default: ablation). Every arm is trained from
# the same base model, image encoder and autoencoder with each seed, and asked and drawn on data of patients that no run has seen. What is
# finished is not done again. --quick proves the chain in minutes; its numbers mean nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
quick=false
folders=()
for arg in "$@"; do
  case $arg in
    --quick) quick=true ;;
    -*) echo "usage: scripts/ablation.sh [--quick] [SMALL] [OUT]" >&2; exit 2 ;;
    *) folders+=("$arg") ;;
  esac
done
small=${folders[0]:-small} out=${folders[1]:-ablation}
program=${HEALTHGPT:-build/healthgpt}
[ -x "$program" ] || { echo "ablation.sh: no program at $program: make build first" >&2; exit 1; }
for part in model/base model/clip model/vqgan data/train-captions.json data/train-tune.json data/train-draw.json data/test.json; do
  [ -e "$small/$part" ] || { echo "ablation.sh: no $small/$part: scripts/train-small.sh $small first" >&2; exit 1; }
done
# Steps of the stages: alignment (1-com), captions and then questions (3-com); alignment and the codes' rows (1-gen), drawings (3-gen); fusion.
# With questions alone answers do not come to depend on the picture in so short a run.
if $quick; then
  seeds="1 2 3" com_batch=4 gen_batch=4 asked=12 drawn=8
  align=2 see=2 tune=2 codes=2 draw=2 fuse=2
else
  seeds=${SEEDS:-1 2 3} com_batch=16 gen_batch=8 asked=${ASKED:-1500} drawn=${DRAWN:-240}
  align=${ALIGN:-60} see=${SEE:-400} tune=${TUNE:-700} codes=${CODES:-200} draw=${DRAW:-700} fuse=${FUSE:-100}
fi
rank=32 # of all experts together, the same in every arm
layers=$(grep -o '"num_hidden_layers": *[0-9]*' "$small/model/clip/config.json" | grep -o '[0-9]*$')
mkdir -p "$out/runs" "$out/lists"

# every N GROUP: N of the items on standard input, spread evenly, in groups that follow each other (mostly of one picture).
every() { awk -v want="$1" -v size="$2" '{ line[NR] = $0 } END {
    groups = int(want / size); all = int(NR / size); if (groups > all) groups = all
    for (g = 0; g < groups; g++) { first = int(g * all / groups) * size; for (i = 1; i <= size; i++) print line[first + i] } }'; }
# What arms are judged on: questions with one right answer, and as many pictures of each drawing task.
drawings="reconstruct ct-to-mri mri-to-ct super-resolution"
items() { grep '^{' "$small/data/test.json" | sed 's/,$//'; }
items | grep -E '"answer_type":"(CLOSED|CHOICE)"' | every $asked 1 >"$out/lists/asked.json"
for task in $drawings; do items | grep "\"task\":\"$task\"" | every $((drawn / 4)) 1; done >"$out/lists/drawn.json"
# Fusion reads both kinds; the run that mixes everything reads as many items of each kind as the stages together.
for list in fusion mixed; do
  if [ $list = fusion ]; then counts=(0 $((fuse * gen_batch / 2)) $((fuse * gen_batch / 2)))
  else counts=($(((align + see) * com_batch)) $((tune * com_batch + fuse * gen_batch / 2)) $(((codes + draw) * gen_batch + fuse * gen_batch / 2))); fi
  {
    every "${counts[0]}" 4 <"$small/data/train-captions.json"
    every "${counts[1]}" 4 <"$small/data/train-tune.json"
    every "${counts[2]}" 4 <"$small/data/train-draw.json"
  } >"$out/lists/$list.json"
done

# An arm is NAME, the tasks it is judged on, and what differs from H-LoRA with four experts in the paper's stages.
arms() {
  cat <<END
hlora-4 com gen
hlora-2 com gen
hlora-8 com gen
lora com gen
moelora-4 com gen
shallow com
deep gen
stages com gen
no-fusion com gen
mixed com gen
END
}

# --- one run: the functions below are called with the variables arm, seed and dir set ---

options() { # of a plug-in that is begun
  case $arm in
    lora) echo "--adapter lora --rank $rank" ;;
    moelora-*) echo "--adapter moelora --rank $rank --experts ${arm##*-}" ;;
    hlora-*) echo "--adapter hlora --rank $rank --experts ${arm##*-}" ;;
    *) echo "--adapter hlora --rank $rank --experts 4" ;;
  esac
}

# The model that an arm begins with: language model, image encoder and autoencoder, no plug-ins.
make_model() {
  local com=() gen=()
  mkdir -p "$dir/parts"
  ln -sfn "$(realpath "$small/model/base")" "$(realpath "$small/model/clip")" "$(realpath "$small/model/vqgan")" "$dir/parts/"
  case $arm in
    shallow) com=('"vision_layers": 1') ;;
    deep) gen=("\"vision_layers\": $((layers - 1))") ;;
    stages | no-fusion | mixed) com=('"fused": true') ;; # answers, too, speak with the fusion layer
  esac
  printf '{"system_prompt": "", "com": {%s}, "gen": {%s}}\n' "${com[*]:-}" "${gen[*]:-}" >"$dir/parts/healthgpt.json"
  "$program" convert "$dir/parts" --for-training --type q8_0 --clip-type f16 --vqgan-type f16 --no-hashes --quiet -o "$dir/begin.gguf" >>"$dir/log" 2>&1
}

# Options that name the parts that the arm has so far, in the array `parts`.
name_parts() {
  local part file
  parts=()
  for part in com gen fusion; do
    file=$(compgen -G "$dir/parts/${part}_*_weights.bin") || continue
    parts+=("--$part" "$file")
  done
}

# train FOLDER STAGE LIST OPTIONS...: goes on from what the stages before have left in parts/, and leaves its own there.
train() {
  local folder=$1 stage=$2 list=$3 parts; shift 3
  if [ ! -e "$dir/$folder/finished.json" ]; then
    name_parts
    "$program" train --stage "$stage" --model "$dir/begin.gguf" "${parts[@]}" --data "$list" --images "$small/data" -o "$dir/$folder" \
      --resume --quiet --threads 1 --cache "$small/codes" --seed "$seed" --lr 1e-3 --type f32 "$@" >>"$dir/log" 2>&1
    rm -f "$dir/$folder/checkpoint.safetensors"
  fi
  cp "$dir/$folder/"*_weights.bin "$dir/parts/"
}

# Learning rates, steps and lists of a stage are the same in every arm; the questions about one picture share its positions.
align_com() { train 1-com 1-com "$small/data/train-captions.json" --steps $align --batch $com_batch --projector-lr 1e-3 --per-picture 2 "$@"; }
align_gen() { train 1-gen 1-gen "$small/data/train-draw.json" --batch $gen_batch --projector-lr 1e-3 --vocabulary yes "$@"; }
tune_com() {
  train 3-com-captions 3-com "$small/data/train-captions.json" --steps $see --batch $com_batch --projector-lr 1e-3 --schedule constant --per-picture 2
  train 3-com 3-com "$small/data/train-tune.json" --steps $tune --batch $com_batch --projector-lr 5e-4 --per-picture 4
}
tune_gen() { train 3-gen 3-gen "$small/data/train-draw.json" --steps $draw --batch $gen_batch --projector-lr 5e-4 "$@"; }

train_arm() {
  local begin; begin=$(options)
  # shellcheck disable=SC2086
  case $arm in
    mixed) train mixed mixed "$out/lists/mixed.json" --steps $(($(wc -l <"$out/lists/mixed.json") / com_batch)) --batch $com_batch --projector-lr 5e-4 --per-picture 4 $begin ;;
    stages) # as the paper has them: behind stage 2 embedding and head stay as they are
      align_gen --steps $codes $begin
      align_com $begin
      train 2-fusion 2-fusion "$out/lists/fusion.json" --steps $fuse --batch $gen_batch
      tune_com
      tune_gen ;;
    no-fusion) # what stage 2 would take goes to the stage before, so that the codes' rows learn as long
      align_gen --steps $((codes + fuse)) $begin
      align_com $begin
      tune_com
      tune_gen ;;
    *)
      if [[ $tasks == *gen* ]]; then
        align_gen --steps $codes $begin
        tune_gen --vocabulary yes
      fi
      if [[ $tasks == *com* ]]; then
        align_com $begin
        tune_com
      fi ;;
  esac
}

seconds_of() { # FOLDER...: of the steps, by their own logs
  local folder
  for folder; do [ ! -f "$dir/$folder/log.jsonl" ] || grep -o '"seconds":[0-9.e+-]*' "$dir/$folder/log.jsonl" | cut -d: -f2; done \
    | awk '{ s += $1 } END { printf "%.1f", s }'
}

# The number behind KEY, behind the line that has MARK, in the eval's result.
number_of() { awk -v mark="$2" -v key="\"$3\":" 'index($0, mark) { on = 1 } on && index($0, key) { gsub(/[^0-9.e+-]/, "", $2); print $2; exit }' "$1"; }

evaluate() { # LIST, which is the folder's name, too
  "$program" eval set "$out/lists/$1.json" --images "$small/data" --model "$dir/model.gguf" -o "$dir/$1" --threads 1 --quiet >/dev/null 2>>"$dir/log"
}
judge() {
  local parts task value sum=0
  name_parts
  "$program" convert "$dir/begin.gguf" "${parts[@]}" --for-training --tasks "${drawings// /,}" --type keep --hlora-type f32 --no-hashes --quiet -o "$dir/model.gguf" >>"$dir/log" 2>&1
  : >"$dir/scores.new"
  if [[ $tasks == *com* ]]; then
    evaluate asked
    echo "$arm accuracy $seed $(number_of "$dir/asked/result.json" '"CLOSED and CHOICE"' accuracy) $(seconds_of 3-com-captions 3-com mixed)" >>"$dir/scores.new"
  fi
  if [[ $tasks == *gen* ]]; then
    evaluate drawn
    for task in $drawings; do
      value=$(number_of "$dir/drawn/result.json" "\"task\": \"$task\"" mean)
      sum="$sum + $value"
      echo "$arm $task $seed $value $(seconds_of 3-gen mixed)" >>"$dir/scores.new"
    done
    echo "$arm all-four $seed $(awk "BEGIN { print ($sum) / 4 }") $(seconds_of 3-gen mixed)" >>"$dir/scores.new"
  fi
  mv "$dir/scores.new" "$dir/scores"
}

run() { # ARM SEED TASKS...
  arm=$1 seed=$2 tasks=${*:3}
  dir=$out/runs/$arm-$seed
  [ ! -e "$dir/scores" ] || return 0
  mkdir -p "$dir"
  echo "== $arm, seed $seed ($(date +%H:%M:%S))" >&2
  make_model
  train_arm
  judge
  rm -rf "$dir/drawn/drawn" "$dir/begin.gguf" "$dir/model.gguf"
}

# Codes are made once, so that no run waits for another's.
[ -e "$small/codes" ] || "$program" data tokens --model "$small/model" "$small/data/train-draw.json" --cache "$small/codes" --quiet
export OMP_WAIT_POLICY=passive
for seed in $seeds; do
  while read -r arm tasks; do
    # shellcheck disable=SC2086
    run "$arm" "$seed" $tasks &
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done # a run that failed is told of below
  done < <(arms)
done
wait
for seed in $seeds; do
  while read -r arm _; do
    [ -e "$out/runs/$arm-$seed/scores" ] || { echo "ablation.sh: $arm, seed $seed failed: see $out/runs/$arm-$seed/log" >&2; exit 1; }
  done < <(arms)
done

# Means over the seeds, and differences from hlora-4 with the same seed, with 95 % intervals (Student's).
cat "$out"/runs/*/scores | sort -k2,2 -k1,1 -k3,3n | awk '
  BEGIN { split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ")
          n_what = split("accuracy all-four reconstruct ct-to-mri mri-to-ct super-resolution", whats, " ")
          n_arms = split("hlora-4 hlora-2 hlora-8 lora moelora-4 shallow deep stages no-fusion mixed", order, " ") }
  { value[$1, $2, $3] = $4; time[$1, $2, $3] = $5; seeds[$3] }
  # of the numbers x[1] to x[n]
  function mean(x, n,   i, s) { for (i = 1; i <= n; i++) s += x[i]; return s / n }
  function half(x, n,   i, m, v) {
    if (n < 2) return 0
    m = mean(x, n); for (i = 1; i <= n; i++) v += (x[i] - m) ^ 2
    return t[n - 1 < 9 ? n - 1 : 9] * sqrt(v / (n - 1) / n)
  }
  function row(arm, what,   n, k, x, y, z, s, m, h) {
    for (s in seeds) if ((arm, what, s) in value) {
      x[++n] = value[arm, what, s]
      if (("hlora-4", what, s) in value) {
        y[++k] = x[n] - value["hlora-4", what, s]
        z[k] = time[arm, what, s] / time["hlora-4", what, s]
      }
    }
    if (n == 0) return
    m = mean(x, n); h = half(x, n)
    printf "| %s | %.3f (%.3f to %.3f) | ", arm, m, m - h, m + h
    if (arm == "hlora-4" || k == 0) printf "| %d | |\n", n
    else { m = mean(y, k); h = half(y, k); printf "%+.3f (%+.3f to %+.3f) | %d | %.2f |\n", m, m - h, m + h, n, mean(z, k) }
  }
  END {
    for (w = 1; w <= n_what; w++) {
      printf "%s| %s | mean (95 %% interval) | minus hlora-4 (95 %% interval) | seeds | seconds of training, of hlora-4'"'"'s |\n|---|---|---|---|---|\n",
        (w > 1 ? "\n" : ""), (whats[w] == "accuracy" ? "accuracy, closed and choice" : "SSIM, " whats[w])
      for (a = 1; a <= n_arms; a++) row(order[a], whats[w])
    }
  }' >"$out/ablation.md"
cat "$out/ablation.md"
