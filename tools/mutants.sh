#!/usr/bin/env bash
# mutants.sh: changes one thing in the core at a time, and shows that a unit test fails then.
#
#   tools/mutants.sh            all of them; ends in "N killed, M survived"
#   tools/mutants.sh NAME...    these
#
# In a copy of the tree, build/mutants/tree; each takes a compilation of what it changes. As root it works as the user postgres.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# NAME | FILE | sed's expression | tests that have to fail
MUTANTS='
sin_is_cos | src/core/op/math/trigonometry.cc | s/Unary::kSin;/Unary::kCos;/ | OperatorProperties.Every*
selu_is_identity | src/core/op/math/activation.cc | s/kKernel = Unary::kSelu;/kKernel = Unary::kRelu;/ | OperatorProperties.Every*
selu_gamma | src/core/op/math/activation.cc | s/1.05070102214813232421875F/1.05270102214813232421875F/ | OperatorProperties.Every*
softmax_is_mean | src/core/kernel/vector/softmax.inc | s/? v - last : v \* last/? v - last : Set(1.0F \/ static_cast<float>(n))/ | OperatorProperties.Every*
softmax_sums_in_float | src/core/kernel/vector/softmax.inc | s/    sum = sum + ToDouble(e);/    sum = ToDouble(ToFloat(sum + ToDouble(e)));/ | *Softmax*:OperatorProperties.Every*
layer_norm_sums_in_float | src/core/kernel/vector/normalize.inc | s/total = total + ToDouble(Load(x + k));/total = ToDouble(ToFloat(total + ToDouble(Load(x + k))));/ | *Normalize*:OperatorProperties.Every*
pow_mixed_in_float | src/core/op/math/pow.cc | s/std::pow(static_cast<double>(a), static_cast<double>(b))/std::pow(static_cast<float>(a), static_cast<float>(b))/ | OperatorProperties.Every*:*Pow*
layer_norm_keeps_items | src/core/op/nn/layer_normalization.cc | s/c.ItemsOf(0, c.item_axis(0) < axis)/c.ItemsOf(0)/ | LayerNormalizationTest.Items:OperatorItems.*
nothing_released | src/core/run/executor.cc | s/for (int v : step.releases) f.values.*/(void)step;/ | Executor.MemoryIsGivenUpAfterTheLastUse
greater_is_greater_or_equal | src/core/op/math/comparison.cc | s/kKernel = Comparison::kLess;/kKernel = Comparison::kLessOrEqual;/ | OperatorProperties.Every*
transpose_forgets_perm | src/core/op/array/transpose.cc | s/node.Ints("perm")/node.Ints("prem")/ | OperatorProperties.Every*
'

list() { printf '%s\n' "$MUTANTS" | grep '|'; }
field() { printf '%s' "$1" | cut -d'|' -f"$2" | sed 's/^ *//; s/ *$//'; }

for name in "$@"; do
  list | cut -d'|' -f1 | grep -qx "$name *" || die "there is no mutant $name" "there are: $(list | cut -d'|' -f1 | xargs)"
done
prepare_tree mutants
TREE_OF_MUTANTS=$TREE/build/mutants/tree
BUILD=$TREE_OF_MUTANTS/build/release
as_worker mkdir -p "$TREE_OF_MUTANTS"

# As it is, in the copy: only files that differ are touched, so little is compiled again. What is no more is no more there.
copy_tree() {
  local file
  (cd "$TREE" && find CMakeLists.txt cmake include src test -type f) | while read -r file; do
    cmp -s "$TREE/$file" "$TREE_OF_MUTANTS/$file" || as_worker install -D -m 644 "$TREE/$file" "$TREE_OF_MUTANTS/$file"
  done
  (cd "$TREE_OF_MUTANTS" && find cmake include src test -type f 2>/dev/null || true) | while read -r file; do
    [ -e "$TREE/$file" ] || as_worker rm -f "$TREE_OF_MUTANTS/$file"
  done
}
build_tests() {
  as_worker cmake --build "$BUILD" --target unit_tests >"$TREE/build/logs/mutants-build.log" 2>&1 </dev/null
}
# passes NAME TESTS: whether they do.
passes() { as_worker "$BUILD/unit_tests" --gtest_filter="$2" >"$TREE/build/logs/mutant-$1.log" 2>&1 </dev/null; }
# try MUTANT FILE EXPRESSION TESTS: whether a test fails.
try() {
  copy_tree
  as_worker sed -i "$3" "$TREE_OF_MUTANTS/$2"
  cmp -s "$TREE/$2" "$TREE_OF_MUTANTS/$2" && die "the mutant $1 changes nothing in $2" "its expression no longer fits the code"
  build_tests || die "the mutant $1 cannot be compiled" "see build/logs/mutants-build.log"
  ! passes "$1" "$4"
}

copy_tree
step configure-mutants "$HINT_BUILD" cmake -S "$TREE_OF_MUTANTS" -B "$BUILD" -G Ninja \
  -DCMAKE_BUILD_TYPE=Release -DMOSAIC_EXTENSION=OFF -DMOSAIC_BENCH=OFF -DMOSAIC_ONNX_CASES=none
build_tests || die "the unit tests cannot be built" "see build/logs/mutants-build.log"
passes none "$(list | while IFS= read -r mutant; do field "$mutant" 4; printf :; done)" ||
  die "a test fails without a mutant" "see build/logs/mutant-none.log"
KILLED=0 SURVIVED=0
while IFS= read -r mutant; do
  name=$(field "$mutant" 1)
  [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
  if try "$name" "$(field "$mutant" 2)" "$(field "$mutant" 3)" "$(field "$mutant" 4)"; then
    say "$name: killed"
    KILLED=$((KILLED + 1))
  else
    say "$name: SURVIVED"
    SURVIVED=$((SURVIVED + 1))
  fi
done < <(list)
say "$KILLED killed, $SURVIVED survived"
exit $((SURVIVED > 0))
