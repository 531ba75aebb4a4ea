#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ablation.sh [--quick] [SMALL] [OUT]: the comparisons of the HealthGPT paper, repeated on the small model. SMALL is the folder that
# scripts/train-small.sh left (default: small); runs and the table OUT/ablation.md go to OUT (default: ablation). Every arm is trained from
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
if $quick; then
  seeds="1 2 3" align=2 fuse=2 tune=3 batch=4 asked=12 drawn=6
else
  seeds=${SEEDS:-1 2 3} align=60 fuse=60 tune=${STEPS:-400} batch=16 asked=600 drawn=160
fi
rank=32 # of all experts together, the same in every arm
layers=$(grep -o '"num_hidden_layers": *[0-9]*' "$small/model/clip/config.json" | grep -o '[0-9]*$')
mkdir -p "$out/runs"

# The lists that arms are judged on.
grep '"task":"comprehension"' "$small/data/test.json" | sed 's/,$//' >"$small/data/test-com.json"
grep -v '"task":"comprehension"\|"task":"t[12]-to-t[12]"' "$small/data/test.json" | grep '^{' | sed 's/,$//' >"$small/data/test-draw.json"

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

make_model() {
  local com=() gen=()
  mkdir -p "$dir/model"
  ln -sfn "$(realpath "$small/model/base")" "$(realpath "$small/model/clip")" "$(realpath "$small/model/vqgan")" "$dir/model/"
  case $arm in
    shallow) com=('"vision_layers": 1') ;;
    deep) gen=("\"vision_layers\": $((layers - 1))") ;;
    stages | no-fusion | mixed) com=('"fused": true') ;; # answers, too, speak with the fusion layer
  esac
  printf '{"system_prompt": "", "com": {%s}, "gen": {%s}, "tasks": ["reconstruct", "super-resolution", "ct-to-mri", "mri-to-ct", "report-to-cxr"]}\n' \
    "${com[*]:-}" "${gen[*]:-}" >"$dir/model/healthgpt.json"
}

train() { # STAGE LIST OPTIONS...: what it leaves goes to the model
  local stage=$1 list=$2; shift 2
  "$program" train --stage "$stage" --model "$dir/model" --data "$small/data/$list.json" -o "$dir/$stage" --resume --quiet --threads 1 \
    --cache "$small/codes" --seed "$seed" --batch $batch "$@" >>"$dir/log" 2>&1
  cp "$dir/$stage/"*_weights.bin "$dir/model/"
}

train_arm() {
  local begin; begin=$(options)
  local rates="--lr 1e-3 --projector-lr 1e-3" fine="--lr 1e-3 --projector-lr 5e-4"
  # shellcheck disable=SC2086
  case $arm in
    mixed) train mixed train-both --steps $((2 * (align + tune) + fuse)) $fine $begin ;;
    stages)
      train 1-gen train-draw --steps $align $rates --vocabulary yes $begin
      train 1-com train-captions --steps $align $rates $begin
      train 2-fusion train-both --steps $fuse $rates
      train 3-com train-tune --steps $tune $fine
      train 3-gen train-draw --steps $tune $fine ;;
    *)
      if [[ $tasks == *gen* ]]; then
        train 1-gen train-draw --steps $align $rates --vocabulary yes $begin
        train 3-gen train-draw --steps $tune $fine
      fi
      if [[ $tasks == *com* ]]; then
        train 1-com train-captions --steps $align $rates $begin
        train 3-com train-tune --steps $tune $fine
      fi ;;
  esac
}

seconds_of() { # of the steps of a stage, by its own log
  [ ! -f "$dir/$1/log.jsonl" ] || grep -o '"seconds":[0-9.e+-]*' "$dir/$1/log.jsonl" | cut -d: -f2 | awk '{ s += $1 } END { printf "%.1f", s }'
}

# The number behind KEY, behind the line that has MARK, in the eval's result.
number_of() { awk -v mark="$2" -v key="\"$3\":" 'index($0, mark) { on = 1 } on && index($0, key) { gsub(/[^0-9.e+-]/, "", $2); print $2; exit }' "$1"; }

judge() {
  : >"$dir/scores.new"
  if [[ $tasks == *com* ]]; then
    "$program" eval set "$small/data/test-com.json" --model "$dir/model" --limit $asked -o "$dir/asked" --quiet >/dev/null 2>>"$dir/log"
    echo "$arm com $seed $(number_of "$dir/asked/result.json" '"CLOSED and CHOICE"' accuracy) $(seconds_of 3-com)" >>"$dir/scores.new"
  fi
  if [[ $tasks == *gen* ]]; then
    "$program" eval set "$small/data/test-draw.json" --model "$dir/model" --limit $drawn -o "$dir/drawn" --quiet >/dev/null 2>>"$dir/log"
    for task in reconstruct ct-to-mri mri-to-ct super-resolution; do
      echo "$arm $task $seed $(number_of "$dir/drawn/result.json" "\"task\": \"$task\"" mean) $(seconds_of 3-gen)" >>"$dir/scores.new"
    done
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
  rm -rf "$dir/drawn/drawn" "$dir"/*/checkpoint.safetensors
}

# Codes are made once, so that no run waits for another's.
[ -e "$small/codes" ] || "$program" data tokens --model "$small/model" "$small/data/train-draw.json" --cache "$small/codes" --quiet
export OMP_WAIT_POLICY=passive
for seed in $seeds; do
  while read -r arm tasks; do
    # shellcheck disable=SC2086
    run "$arm" "$seed" $tasks &
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
  done < <(arms)
done
wait
for seed in $seeds; do
  while read -r arm _; do
    [ -e "$out/runs/$arm-$seed/scores" ] || { echo "ablation.sh: $arm, seed $seed failed: see $out/runs/$arm-$seed/log" >&2; exit 1; }
  done < <(arms)
done

# Means with 95 % intervals (Student's) over the seeds.
cat "$out"/runs/*/scores | sort -k2,2 -k1,1 -k3,3n | awk '
  BEGIN { split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ")
          print "| measured | arm | mean | 95 % interval | seeds | seconds of stage 3 |\n|---|---|---|---|---|---|" }
  function out_row() {
    if (n == 0) return
    m = sum / n; v = n > 1 ? (squares - n * m * m) / (n - 1) : 0; h = n > 1 ? t[n - 1 < 9 ? n - 1 : 9] * sqrt((v > 0 ? v : 0) / n) : 0
    printf "| %s | %s | %.3f | %.3f to %.3f | %d | %s |\n", (what == "com" ? "accuracy, CLOSED and CHOICE" : "SSIM, " what), arm, m, m - h, m + h, n, (time > 0 ? sprintf("%.0f", time / n) : "") }
  { if ($1 != arm || $2 != what) { out_row(); arm = $1; what = $2; n = sum = squares = time = 0 }
    n++; sum += $4; squares += $4 * $4; time += $5 }
  END { out_row() }' >"$out/ablation.md"
cat "$out/ablation.md"
