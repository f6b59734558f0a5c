#include "elf/preload.h"

#include "base/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *put(const char *library, const char *runtime, const char *list)
{
	static char room[500];
	struct bytes_writer w = bytes_writer(room, preload_size(library, runtime, list));

	preload_put(&w, library, runtime, list);
	cr_assert_not(w.bad);
	room[bytes_length(&w)] = '\0';
	return room;
}

Test(preload, has_the_library_before_all_others)
{
	cr_assert_str_eq(put("/l/libisosocks.so", NULL, ""), "/l/libisosocks.so");
	cr_assert_str_eq(put("/l/libisosocks.so", NULL, "b.so:/a.so c.so"),
			 "/l/libisosocks.so:b.so:/a.so:c.so");
	cr_assert_str_eq(put("/l/libisosocks.so", NULL, "::b.so: :b.so:"),
			 "/l/libisosocks.so:b.so");
}

Test(preload, has_it_once)
{
	cr_assert_str_eq(put("/l/libisosocks.so", NULL, "b.so:/other/libisosocks.so:c.so"),
			 "/l/libisosocks.so:b.so:c.so");
	cr_assert_str_eq(put(NULL, NULL, "b.so:/other/libisosocks.so"),
			 "/other/libisosocks.so:b.so");
	cr_assert_str_eq(put(NULL, NULL, "b.so"), "b.so");
}

Test(preload, has_address_sanitizer_first_and_thread_sanitizer_behind)
{
	cr_assert_str_eq(put("/l/libisosocks.so", "libasan.so.8", "b.so"),
			 "libasan.so.8:/l/libisosocks.so:b.so");
	cr_assert_str_eq(put("/l/libisosocks.so", "libtsan.so.2", "b.so"),
			 "/l/libisosocks.so:libtsan.so.2:b.so");
	cr_assert_str_eq(put("/l/libisosocks.so", "libasan.so.8", "b.so:/usr/lib/libasan.so.6"),
			 "/usr/lib/libasan.so.6:/l/libisosocks.so:b.so");
	cr_assert_str_eq(put(NULL, "libasan.so.8", "/l/libisosocks.so"),
			 "libasan.so.8:/l/libisosocks.so");
}

Test(preload, places_by_the_name_of_the_file)
{
	cr_assert_eq(preload_place("/a/libisosocks.so", 17), PRELOAD_OURS);
	cr_assert_eq(preload_place("/libisosocks.so/x", 17), PRELOAD_LAST);
	cr_assert_eq(preload_place("libisosocks.s", 13), PRELOAD_LAST);
	cr_assert(preload_has("a:/x/libasan.so.6 b", PRELOAD_BEFORE));
	cr_assert_not(preload_has("a:b", PRELOAD_BEFORE));
	cr_assert_not(preload_has("", PRELOAD_LAST));
}

Test(preload, puts_the_others_alone)
{
	char room[100];
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	preload_put_others(&w, "a.so:/l/libisosocks.so b.so");
	cr_assert_eq(bytes_length(&w), 9u);
	cr_assert_eq(memcmp(room, "a.so:b.so", 9), 0);
}
