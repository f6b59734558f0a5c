#include "keys/sha256.h"

#include <string.h>

#define BLOCK_SIZE 64

/* FIPS 180-4 §4.2.2: of the cube roots of the first 64 primes the first 32 bits of the fraction. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned right)
{
	return word >> right | word << (32 - right);
}

static uint32_t load_word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_word(uint8_t *at, uint32_t word)
{
	at[0] = (uint8_t)(word >> 24);
	at[1] = (uint8_t)(word >> 16);
	at[2] = (uint8_t)(word >> 8);
	at[3] = (uint8_t)word;
}

/* FIPS 180-4 §6.2.2 step 1: the schedule of a block. */
static void expand(uint32_t schedule[64], const uint8_t *block)
{
	for (unsigned t = 0; t < 16; t++)
		schedule[t] = load_word(block + 4 * t);
	for (unsigned t = 16; t < 64; t++) {
		const uint32_t a = schedule[t - 15], b = schedule[t - 2];
		const uint32_t small_0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
		const uint32_t small_1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
		schedule[t] = small_1 + schedule[t - 7] + small_0 + schedule[t - 16];
	}
}

/*
 * FIPS 180-4 §6.2.2 steps 2 to 4. Its working variables a to h are in v, and it is their names that
 * move from round to round: in round t, a is v[-t mod 8].
 */
static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t schedule[64], v[8];

	expand(schedule, block);
	memcpy(v, state, sizeof(v));
	for (unsigned t = 0; t < 64; t++) {
		const uint32_t a = v[-t & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7];
		const uint32_t e = v[(4 - t) & 7], f = v[(5 - t) & 7], g = v[(6 - t) & 7];
		const uint32_t big_1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		const uint32_t big_0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		const uint32_t choice = (e & f) ^ (~e & g);
		const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
		const uint32_t one = v[(7 - t) & 7] + big_1 + choice + constants[t] + schedule[t];

		v[(3 - t) & 7] += one;
		v[(7 - t) & 7] = one + big_0 + majority;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_init(struct sha256 *sha)
{
	/* FIPS 180-4 §5.3.3 */
	*sha = (struct sha256){
		.state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
			   0x1f83d9ab, 0x5be0cd19 },
	};
}

void sha256_update(struct sha256 *sha, const void *from, size_t length)
{
	const uint8_t *at = from;

	while (length > 0) {
		const size_t used = sha->length % BLOCK_SIZE;
		const size_t taken = length < BLOCK_SIZE - used ? length : BLOCK_SIZE - used;

		memcpy(sha->block + used, at, taken);
		sha->length += taken;
		at += taken;
		length -= taken;
		if (used + taken == BLOCK_SIZE)
			compress(sha->state, sha->block);
	}
}

/* FIPS 180-4 §5.1.1: a bit 1, then 0 up to the last 8 bytes of a block, which hold the length in
 * bits. */
void sha256_final(struct sha256 *sha, uint8_t digest[SHA256_SIZE])
{
	static const uint8_t padding[BLOCK_SIZE] = { 0x80 };
	const uint64_t bits = sha->length * 8;
	uint8_t length[8];

	store_word(length, (uint32_t)(bits >> 32));
	store_word(length + 4, (uint32_t)bits);
	sha256_update(sha, padding, BLOCK_SIZE - (sha->length + sizeof(length)) % BLOCK_SIZE);
	sha256_update(sha, length, sizeof(length));
	for (unsigned i = 0; i < 8; i++)
		store_word(digest + 4 * i, sha->state[i]);
}
