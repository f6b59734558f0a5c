/*
 * import: the settings of torsocks, proxychains, tsocks and dante's client as those of isosocks. A
 * text goes in, the text of an isosocks.conf comes out, with a remark for each line whose meaning
 * is not the same. One thread.
 */
#ifndef WRAPPERS_IMPORT_H
#define WRAPPERS_IMPORT_H

#include <glib.h>

/*
 * The configuration, NULL when the text is of none of these kinds or a value in it is bad; the
 * error then begins with the line. remarks gets a text (char *) `LINE: what` for each difference.
 */
char *import_text(const char *text, GPtrArray *remarks, GError **error);

#endif
