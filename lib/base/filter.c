#include "base/filter.h"

#include <stdint.h>
#include <string.h>

struct machine {
	uint32_t a, x;
	uint32_t memory[BPF_MEMWORDS];
};

/* linux/seccomp.h has it of Linux 4.14 on; before, KILL was the thread's. */
#ifndef SECCOMP_RET_ACTION_FULL
#define SECCOMP_RET_ACTION_FULL 0xffff0000U
#endif

/* kernel/seccomp.c, seccomp_check_filter(): words of the call by their place, its length, a
 * constant, or what was stored. */
static bool load(const struct machine *m, const struct sock_filter *at,
		 const struct seccomp_data *call, uint32_t *ret)
{
	switch (BPF_MODE(at->code)) {
	case BPF_IMM:
		*ret = at->k;
		return true;
	case BPF_LEN:
		*ret = sizeof(*call);
		return true;
	case BPF_MEM:
		if (at->k >= BPF_MEMWORDS)
			return false;
		*ret = m->memory[at->k];
		return true;
	case BPF_ABS:
		if (at->k % sizeof(*ret) != 0 || at->k >= sizeof(*call))
			return false;
		memcpy(ret, (const char *)call + at->k, sizeof(*ret));
		return true;
	default:
		return false;
	}
}

static bool store(struct machine *m, uint32_t place, uint32_t value)
{
	if (place >= BPF_MEMWORDS)
		return false;
	m->memory[place] = value;
	return true;
}

static uint32_t operand(const struct machine *m, const struct sock_filter *at)
{
	return BPF_SRC(at->code) == BPF_X ? m->x : at->k;
}

/* A division by zero ends the program with 0, and that is death. */
static bool calculate(struct machine *m, const struct sock_filter *at)
{
	const uint32_t by = operand(m, at);

	switch (BPF_OP(at->code)) {
	case BPF_ADD:
		m->a += by;
		return true;
	case BPF_SUB:
		m->a -= by;
		return true;
	case BPF_MUL:
		m->a *= by;
		return true;
	case BPF_DIV:
		m->a = by ? m->a / by : 0;
		return by != 0;
	case BPF_AND:
		m->a &= by;
		return true;
	case BPF_OR:
		m->a |= by;
		return true;
	case BPF_XOR:
		m->a ^= by;
		return true;
	case BPF_LSH:
		m->a <<= by & 31;
		return true;
	case BPF_RSH:
		m->a >>= by & 31;
		return true;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	default:
		return false;
	}
}

/* How many instructions are passed over. */
static size_t jump(const struct machine *m, const struct sock_filter *at)
{
	const uint32_t with = operand(m, at);
	bool yes = false;

	switch (BPF_OP(at->code)) {
	case BPF_JA: /* forwards; what leads out of the program ends it */
		return at->k;
	case BPF_JEQ:
		yes = m->a == with;
		break;
	case BPF_JGT:
		yes = m->a > with;
		break;
	case BPF_JGE:
		yes = m->a >= with;
		break;
	case BPF_JSET:
		yes = (m->a & with) != 0;
		break;
	}
	return yes ? at->jt : at->jf;
}

/* What does not end the program, nor leads elsewhere. */
static bool step(struct machine *m, const struct sock_filter *at, const struct seccomp_data *call)
{
	switch (BPF_CLASS(at->code)) {
	case BPF_LD:
		return load(m, at, call, &m->a);
	case BPF_LDX:
		return load(m, at, call, &m->x);
	case BPF_ST:
		return store(m, at->k, m->a);
	case BPF_STX:
		return store(m, at->k, m->x);
	case BPF_ALU:
		return calculate(m, at);
	case BPF_MISC:
		if (BPF_MISCOP(at->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

static uint32_t run(const struct sock_filter *program, size_t count,
		    const struct seccomp_data *call)
{
	struct machine m = { 0 };

	/* Places are of 32 bits, which no jump of 32 bits behind them leads past, and round. */
	for (uint64_t i = 0; i < count; i++) {
		const struct sock_filter *at = &program[i];

		if (BPF_CLASS(at->code) == BPF_RET)
			return BPF_RVAL(at->code) == BPF_A ? m.a : at->k;
		if (BPF_CLASS(at->code) == BPF_JMP)
			i += jump(&m, at);
		else if (!step(&m, at, call))
			break;
	}
	return SECCOMP_RET_KILL;
}

bool filter_spares(const struct sock_filter *program, size_t count, const struct seccomp_data *call)
{
	switch (run(program, count, call) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE: /* ENOSYS where nobody traces */
	case SECCOMP_RET_USER_NOTIF:
		return true;
	default:
		return false;
	}
}
