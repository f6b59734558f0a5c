#!/bin/sh
# doc/benchmark.md has every table that tests/bench makes, no other, and the plots that it shows; `make bench` writes it.
status=0
document=doc/benchmark.md
listed=$(sed 's/ *#.*//' tests/bench/table/order)
for table in $listed; do
	title=$(sed -n 's/^#: title //p' "tests/bench/table/$table.sh")
	grep -qFx "## $title" $document || { echo "$document lacks the table $table ($title)"; status=1; }
	grep -q "TABLES=$table\`" $document || { echo "$document does not say how the table $table is made"; status=1; }
	plots=$(grep -c '^#: plot ' "tests/bench/table/$table.sh")
	[ "$(grep -c "](benchmark-$table[0-9]*\.svg)" $document)" = "$plots" ] || { echo "$document has not $plots plots of $table"; status=1; }
done
for script in tests/bench/table/*.sh; do
	echo "$listed" | grep -qx "$(basename "$script" .sh)" || { echo "$script is not in tests/bench/table/order"; status=1; }
done
for title in $(sed -n 's/.*TABLES=\([a-z]*\)`.*/\1/p' $document); do
	echo "$listed" | grep -qx "$title" || { echo "$document has a table $title, which nothing makes"; status=1; }
done
for plot in $(sed -n 's/.*](\(benchmark-.*\.svg\))/\1/p' $document); do
	[ -s "doc/$plot" ] || { echo "$document shows doc/$plot, which is not there"; status=1; }
done
for plot in doc/benchmark-*.svg; do
	grep -qF "]($(basename "$plot"))" $document || { echo "$document does not show $plot"; status=1; }
done
exit $status
