#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/demo from its beginning to its page: without the shipped model, with a tiny one of random weights in its place, and, where the
# checkout has it, with the shipped one. Each in a copy of what the demonstration needs.
set -uo pipefail
source=$1 build=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
tree=$work/tree page=$work/tree/demo/index.html
mkdir -p "$tree/build" "$tree/models"
cp -r "$source/scripts" "$tree"
cp "$build/healthgpt" "$build/random_model" "$tree/build"
ln -s "$source/tests" "$tree/tests"

# No model: what runs says that its weights are random, and leaves a picture.
export HEALTHGPT_MODEL=/nowhere # of no effect
"$tree/scripts/demo" >"$work/out" 2>&1 || fail "without a model: $(tail -5 "$work/out")"
grep -q 'RANDOM WEIGHTS' "$work/out" && [ ! -e "$page" ] || fail "the random weights are not told"
"$tree/build/healthgpt" image info "$tree/demo/picture.png" | grep -q synthetic || fail "the random picture"

# pictures: the files of the page's pictures, one a line; a picture must be a PNG that the program reads.
look_at_page() {
  xmllint --noout "$page" || fail "the page is not well-formed"
  [ "$(xmllint --xpath 'count(//img)' "$page")" -eq 11 ] || fail "the number of pictures"
  [ "$(xmllint --xpath 'count(//img[starts-with(@src, "data:image/png;base64,")])' "$page")" -eq 11 ] || fail "a picture that is not in the page"
  [ "$(xmllint --xpath 'count(//script | //link | //@href | //iframe | //object)' "$page")" -eq 0 ] || fail "the page needs more than itself"
  grep -qE 'https?:|url\(|@import' "$page" && fail "the page names an address"
  for i in $(seq 11); do
    xmllint --xpath "string((//img)[$i]/@src)" "$page" | sed 's/^data:image\/png;base64,//' | base64 -d >"$work/picture.png" || fail "picture $i"
    "$tree/build/healthgpt" image info --json "$work/picture.png" >"$work/info" || fail "picture $i cannot be read"
    case "$(xmllint --xpath "string((//img)[$i]/@alt)" "$page")" in
      "The model's"*) grep -q '"synthetic": true' "$work/info" || fail "picture $i is not marked as synthetic" ;;
    esac
  done
  [ "$(xmllint --xpath 'count(//tr)' "$page")" -eq 4 ] || fail "three questions and a head"
  [ "$(xmllint --xpath 'count(//figcaption[contains(., "SSIM")])' "$page")" -eq 6 ] || fail "scores under the pictures"
  xmllint --xpath 'string(//p[@class="mark"])' "$page" | tr '\n' ' ' | grep -q 'synthetic.*not for diagnosis' || fail "the mark of the page"
}

# demo_twice: the same output and page both times, questions with the truth of truth.jsonl beside the answers, six scores.
demo_twice() {
  "$tree/scripts/demo" >"$work/first" 2>"$work/err" || fail "the demonstration: $(cat "$work/err")"
  [ ! -s "$work/err" ] || fail "something to complain about: $(cat "$work/err")"
  cp "$page" "$work/first.html"
  "$tree/scripts/demo" >"$work/second" 2>&1 || fail "the second time"
  cmp "$work/first" "$work/second" && cmp "$page" "$work/first.html" || fail "not the same output on every run"
  look_at_page
  [ "$(grep -c '^      answer: .*(truth: .*)$' "$work/first")" -eq 3 ] || fail "three answers"
  grep -q '(truth: CT)$' "$work/first" && grep -q '(truth: Yes)$' "$work/first" || fail "what is true: $(cat "$work/first")"
  grep -q 'infarct, right cerebellum' "$work/first" || fail "the lesion of this seed: $(cat "$work/first")"
  [ "$(grep -cE 'SSIM -?[0-9.]+   PSNR ([0-9.]+|infinite) dB$' "$work/first")" -eq 6 ] || fail "six scores"
  local shown=
  for name in $(jq -r 'select(.modality == "CT" and .lesion.visible == "yes") | .image' "$tree/demo/patient/truth.jsonl"); do
    ! cmp -s "$tree/demo/patient/$name" "$tree/demo/ct.dcm" || shown=$name
  done
  [ -n "$shown" ] || fail "a slice in which the lesion is seen"
}

# A tiny model that claims all tasks: everything works whatever the size of its pictures.
cp -rL "$source/tests/data/tiny/m3" "$work/m3"; chmod -R u+w "$work/m3"
jq '.tasks = ["reconstruct", "super-resolution", "ct-to-mri"]' "$work/m3/healthgpt.json" >"$work/json" && mv "$work/json" "$work/m3/healthgpt.json"
"$build/healthgpt" convert "$work/m3" --type f32 -o "$tree/models/healthgpt-small.gguf" --quiet || fail "a package"
demo_twice

# The patient is not of the training patients' seed.
seed() { sed -nE 's/^seed=([0-9]+).*/\1/p' "$1"; }
demo=$(seed "$source/scripts/demo") training=$(seed "$source/scripts/train-small.sh")
[ -n "$demo" ] && [ -n "$training" ] && [ "$demo" -ne "$training" ] || fail "seeds '$demo' and '$training'"

if [ -f "$source/models/healthgpt-small.gguf" ]; then
  cp "$source/models/healthgpt-small.gguf" "$tree/models"
  demo_twice
else
  echo "skipped: models/healthgpt-small.gguf, which this checkout has not"
fi
echo passed
