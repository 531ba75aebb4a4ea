#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The model that is used without --model: in a checkout, installed, moved, called by a link; and what is said when there is none. A tiny
# model of random weights stands for the shipped one.
set -uo pipefail
program=$1 data=$2 build=$3
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
unset HEALTHGPT_MODEL
fail() { echo "FAILED: $*"; exit 1; }
image=$data/tiny/image.png name=healthgpt-small.gguf
"$program" convert "$data/tiny/m3" --type f32 -o "$work/$name" --quiet >/dev/null 2>&1 || fail "a package"

# A checkout without a model: one line that says what to do, exit code 2.
mkdir -p "$work/checkout/build"
cp "$program" "$work/checkout/build/healthgpt"
hg=$work/checkout/build/healthgpt
for command in "ask What?" "chat" "draw --task reconstruct $image -o $work/x.png" "vq encode $image" "inspect" "tokenize word" "eval set $image"; do
  "$hg" $command >/dev/null 2>"$work/err" </dev/null
  [ $? -eq 2 ] && grep -q 'no model: give --model MODEL or set HEALTHGPT_MODEL' "$work/err" && [ "$(wc -l <"$work/err")" -eq 1 ] ||
    fail "$command without a model: $(cat "$work/err")"
done

# With one, which is named; the variable and the option come before it.
mkdir "$work/checkout/models"; cp "$work/$name" "$work/checkout/models"
"$hg" ask --max-tokens 4 "$image" "What?" >"$work/out" 2>"$work/err" || fail "ask: $(cat "$work/err")"
grep -q "^note: using the small model .*/models/$name" "$work/err" || fail "the model is not named: $(cat "$work/err")"
"$program" ask --model "$data/tiny/m3" --max-tokens 4 "$image" "What?" >"$work/same" 2>/dev/null
cmp -s "$work/out" "$work/same" || fail "it is another model"
"$hg" ask --quiet --max-tokens 2 "$image" "What?" 2>&1 >/dev/null | grep -q 'using the small' && fail "--quiet is not"
echo "What?" | "$hg" chat --quiet --max-tokens 2 "$image" >/dev/null 2>&1 || fail "chat"
"$hg" draw --task reconstruct "$image" -o "$work/x.png" 2>/dev/null || fail "draw"
"$hg" draw --task reconstruct "$image" -o "$work/x.dcm" 2>/dev/null || fail "draw DICOM, which names the model"
"$hg" vq encode "$image" 2>/dev/null | grep -qE '^[0-9 ]+$' || fail "vq"
"$hg" tokenize word 2>/dev/null | grep -qE '^[0-9 ]+$' || fail "tokenize"
"$hg" inspect 2>/dev/null | grep -q "/models/$name  (package)" || fail "inspect"
HEALTHGPT_MODEL=$work/nowhere "$hg" ask "What?" >/dev/null 2>"$work/err"
grep -q "$work/nowhere" "$work/err" || fail "the variable comes first"
HEALTHGPT_MODEL=$work/nowhere "$hg" ask --quiet --model "$data/tiny/m3" --max-tokens 2 "What?" >/dev/null 2>&1 || fail "the option comes first"
ln -s "$hg" "$work/link"
"$work/link" inspect >/dev/null 2>&1 || fail "called by a link"
cp -r "$work/checkout" "$work/moved"
"$work/moved/build/healthgpt" inspect 2>/dev/null | grep -q "$work/moved" || fail "a checkout that was moved"

# What is made for good is not made by it unasked.
"$hg" train --stage 3-com --data "$work/none.json" -o "$work/t" >/dev/null 2>"$work/err" && fail "train without a model"
grep -q 'model' "$work/err" && ! grep -q "$name" "$work/err" || fail "train took it: $(cat "$work/err")"
"$hg" data tokens "$work/none.json" >/dev/null 2>"$work/err"; grep -q 'no model' "$work/err" || fail "data tokens without a model"
"$hg" export --part com -o "$work/x.bin" >/dev/null 2>&1; [ $? -eq 2 ] || fail "export without a model"

# As it is installed; the shipped model and its card go along when the checkout has them.
cmake --install "$build" --prefix "$work/usr" >"$work/log" 2>&1 || fail "install: $(cat "$work/log")"
mkdir -p "$work/usr/share/healthgpt/models"
source_models=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")/models
for file in "$name" README.md; do
  [ ! -e "$source_models/$file" ] || cmp "$source_models/$file" "$work/usr/share/healthgpt/models/$file" || fail "$file is not installed"
done
[ -e "$work/usr/share/healthgpt/models/$name" ] || cp "$work/$name" "$work/usr/share/healthgpt/models"
"$work/usr/bin/healthgpt" inspect 2>/dev/null | grep -q "$work/usr/.*share/healthgpt/models/$name  (package)" || fail "inspect, installed"
echo passed
