#!/bin/sh
# Every source is as .clang-format has it; `make format` makes it so.
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 1; }
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
