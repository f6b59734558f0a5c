#include "keys/sha256.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *hex(const uint8_t digest[SHA256_SIZE])
{
	static char text[2 * SHA256_SIZE + 1];

	for (size_t i = 0; i < SHA256_SIZE; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	return text;
}

static const char *hash(const void *from, size_t length)
{
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];

	sha256_init(&sha);
	sha256_update(&sha, from, length);
	sha256_final(&sha, digest);
	return hex(digest);
}

/* The examples that NIST publishes beside FIPS 180-4. */
static const char of_448_bits[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char of_896_bits[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
				  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
static const char digest_of_896_bits[] =
	"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1";

Test(sha256, has_the_digests_of_the_standard)
{
	cr_assert_str_eq(hash("", 0),
			 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert_str_eq(hash("abc", 3),
			 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert_str_eq(hash(of_448_bits, 56),
			 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	cr_assert_str_eq(hash(of_896_bits, 112), digest_of_896_bits);
}

Test(sha256, hashes_a_million_letters_in_uneven_pieces)
{
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];
	char letters[997];
	size_t left = 1000000;

	memset(letters, 'a', sizeof(letters));
	sha256_init(&sha);
	for (size_t n; left > 0; left -= n) {
		n = left < sizeof(letters) ? left : sizeof(letters);
		sha256_update(&sha, letters, n);
	}
	sha256_final(&sha, digest);
	cr_assert_str_eq(hex(digest),
			 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(sha256, does_not_see_where_the_text_is_split)
{
	for (size_t split = 0; split <= 112; split++) {
		struct sha256 sha;
		uint8_t digest[SHA256_SIZE];

		sha256_init(&sha);
		sha256_update(&sha, of_896_bits, split);
		sha256_update(&sha, of_896_bits + split, 112 - split);
		sha256_final(&sha, digest);
		cr_assert_str_eq(hex(digest), digest_of_896_bits, "split at %zu", split);
	}
}

/* Digests of n letters x, by another implementation (sha256sum of coreutils 9.1). */
Test(sha256, pads_on_both_sides_of_every_block_boundary)
{
	static const struct {
		size_t length;
		const char *digest;
	} rows[] = {
		{ 1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" },
		{ 55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072" },
		{ 56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e" },
		{ 57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217" },
		{ 63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2" },
		{ 64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c" },
		{ 65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9" },
		{ 119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c" },
		{ 120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98" },
		{ 128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464" },
		{ 129, "0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd" },
	};
	char letters[129];

	memset(letters, 'x', sizeof(letters));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_str_eq(hash(letters, rows[i].length), rows[i].digest, "%zu",
				 rows[i].length);
}
