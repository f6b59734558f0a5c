#!/bin/sh
# Every source is as .clang-format has it; `make format` makes it so. Other versions of clang-format want some lines otherwise.
version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
[ "$version" = 14 ] || { echo "the sources are formatted by clang-format 14, and here is ${version:-none}"; exit 77; }
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
