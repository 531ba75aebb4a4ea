#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packages as a user meets them: the model card, the check, export, and drawing what a model was not trained for.
# usage: test_cli_package.sh PROGRAM TEST_DATA
set -u
hg=$1
data=$2
image=$data/tiny/image.png
m3=$data/tiny/m3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
count=0

fail() {
  echo "FAILED: $*"
  echo "  stdout: $(head -c 300 "$work/out")"
  echo "  stderr: $(head -c 600 "$work/err")"
  failures=$((failures + 1))
}

# run CODE ARGUMENTS...: runs the program into $work/out and $work/err.
run() {
  local code=$1
  shift
  count=$((count + 1))
  "$hg" "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  [ $got -eq "$code" ] || fail "$* : exit code $got, expected $code"
}

# out PATTERN, err PATTERN: what the last run printed; refused: just one line on stderr.
out() { grep -qE -- "$1" "$work/out" || fail "stdout lacks '$1'"; }
err() { grep -qE -- "$1" "$work/err" || fail "stderr lacks '$1'"; }
refused() { [ "$(grep -vc '^note: ' "$work/err")" -eq 1 ] || fail "stderr is not one line"; }

# patch FILE OLD NEW: texts of one length.
patch() {
  local at
  at=$(grep -obUa -- "$2" "$1" | head -n 1 | cut -d: -f1)
  printf "$3" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# ---- the card
run 0 convert "$m3" --type q8_0 -o "$work/m3.gguf" --license MIT --description "A tiny model" --quiet
run 0 inspect "$work/m3.gguf"
out '^  name: tiny-m3$'
out '^  license: MIT$'
out '^  description: A tiny model$'
out '^  base model: phi3, 3 layers'
out '^  plug-in for asking: rank 16, alpha 32, 4 experts$'
out '^  chat template: phi3_instruct$'
out '^  base +\(GGUF, 21 tensors, 0.1 MB: f32 7, q8_0 14\)$'
out '^  total +389 tensors'
out '^  2048 positions, f32 cache: [0-9.]+ MB \(cache 1.6 MB\)$' # 2 x 3 layers x 4 heads x 8 x 2048 x 4 bytes
out '^  4096 positions, f16 cache: [0-9.]+ MB \(cache 1.6 MB\)$'
out '^  ask +yes$'
out '^  ct-to-mri +no: the generation plug-in was not trained'
out "^  com +com_hlora_weights.bin  $(sha256sum "$m3/com_hlora_weights.bin" | cut -d' ' -f1)\$"
run 0 inspect --tensors "$work/m3.gguf"
out '^base.model.layers.0.self_attn.qkv_proj.weight.q8_0.\[[0-9]+, [0-9]+\]$'
run 0 inspect --json "$work/m3.gguf"
out '"sha256": "[0-9a-f]{64}"'
cp "$work/m3.gguf" "$work/bad.gguf"
patch "$work/bad.gguf" 'tiny-m3' 't\033[31mm'
run 0 inspect "$work/bad.gguf"
out '^  name: t\?\[31mm$'
patch "$work/bad.gguf" 'healthgpt.version' 'healthgpt.versiom'
run 0 inspect "$work/bad.gguf"
out '^  problem: .*healthgpt.version'
out '^  ask +no: the model cannot be opened$'
head -c 100000 "$work/m3.gguf" >"$work/cut.gguf"
run 3 inspect "$work/cut.gguf"
refused
err 'cut.gguf'

# ---- the check
run 0 inspect --check "$work/m3.gguf"
out '^all 389 tensors are finite$'
run 0 inspect --check "$m3"
out '^all 414 tensors are finite$'
run 0 inspect --check "$m3/com_hlora_weights.bin"
out '^all 40 tensors are finite$'
run 0 inspect --check --json "$m3"
out '"not_checked": 2'
cp -rL "$m3" "$work/model"
chmod -R u+w "$work/model"
f=$(echo "$work"/model/base/model-00002-of-*.safetensors) # its last two bytes end model.norm.weight
printf '\377\377' | dd of="$f" oflag=seek_bytes seek=$(($(stat -c %s "$f") - 2)) conv=notrunc status=none
run 3 inspect --check "$work/model"
refused
err '1 of 414 tensors have infinities'
[ "$(cat "$work/out")" = model.norm.weight ] || fail "not just the bad tensor"
run 3 inspect --check --json "$work/model"
out '"bad": 1'
run 3 inspect --check "$work/cut.gguf"
refused
run 3 export --part base "$work/model" -o "$work/nan.safetensors"
refused
err 'values that are no numbers'
[ ! -e "$work/nan.safetensors" ] || fail "a refused export left a file"

# ---- export
run 0 convert "$m3" --type f32 -o "$work/f32.gguf" --quiet
rm -rf "$work/model"
cp -rL "$m3" "$work/model"
chmod -R u+w "$work/model"
rm "$work"/model/*.bin
run 0 export --part com "$work/f32.gguf" -o "$work/model/com_hlora_weights.bin"
err 'com_hlora_weights.bin: com, 40 tensors'
run 0 export --part gen --type f16 "$work/f32.gguf" -o "$work/model/gen_hlora_weights.safetensors" --quiet
[ ! -s "$work/err" ] || fail "--quiet is not"
run 0 export --part fusion --json "$work/f32.gguf" -o "$work/model/fusion_layer_weights.bin"
out '"tensors": 2'
run 0 ask --quiet --model "$m3" --max-tokens 16 "$image" "What is it?"
cp "$work/out" "$work/answer"
run 0 ask --quiet --model "$work/model" --max-tokens 16 "$image" "What is it?"
cmp -s "$work/out" "$work/answer" || fail "exported files answer otherwise"
run 0 ask --quiet --model "$work/f32.gguf" --max-tokens 16 "$image" "What is it?"
cmp -s "$work/out" "$work/answer" || fail "the package answers otherwise"
run 2 export --part com "$m3"
refused
run 2 export --part paint "$m3" -o "$work/x.bin"
err "no part 'paint'"
run 2 export --part com "$m3" -o "$work/x.gguf"
err 'must end in'
run 3 export --part gen "$data/tiny/xl32" -o "$work/x.bin"
err 'no part gen'
run 0 export --help
out 'usage: healthgpt export'

# ---- what a model was not trained for
run 4 draw --model "$work/f32.gguf" --task ct-to-mri "$image" -o "$work/x.png"
refused
err 'declares that it was trained for reconstruct only'
run 4 draw --model "$data/tiny/l14" --task ct-to-mri "$image" -o "$work/x.png"
refused
err 'does not say what it was trained for, so it is taken to reconstruct only'
[ ! -e "$work/x.png" ] || fail "a refused drawing left a file"
run 0 draw --force --json --model "$m3" --task ct-to-mri "$image" -o "$work/x.png"
err '^warning: this model was not trained for ct-to-mri: the picture is probably a copy of the input and must not be used$'
out '"forced": true'
grep -qa 'must not be used' "$work/x.png" || fail "the picture does not say that it was forced"
run 0 draw --force --json --model "$m3" --task reconstruct "$image" -o "$work/x.jpg"
out '"forced": false'
! grep -q 'warning' "$work/err" || fail "a warning without a reason"
! grep -qa 'must not be used' "$work/x.jpg" || fail "a mark without a reason"
run 4 draw --force --model "$data/tiny/xl32" --task reconstruct "$image" -o "$work/y.png"
refused
err 'gen_hlora_weights'

echo "$count commands, $failures failed"
[ $failures -eq 0 ]
