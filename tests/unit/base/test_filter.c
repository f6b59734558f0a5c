/* What the kernel does with a filter is the judge: a process that has it makes the call. */
#include "base/filter.h"

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR		   offsetof(struct seccomp_data, nr)
#define ARG(n)		   (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))
#define RETURN(action)	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##action)
#define LOAD(place)	   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, place)
#define IF(test, k, t, f)  BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, k, t, f)
#define WITH(operation, k) BPF_STMT(BPF_ALU | BPF_##operation | BPF_K, k)
#define ENDS                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}

/* Each: dies for prctl(PR_GET_NAME) and lets everything else pass, or seems to. */
static const struct sock_filter programs[][16] = {
	{ RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(KILL), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(TRAP), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(KILL_PROCESS), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	  RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(TRACE), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(LOG), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 1, 0), RETURN(ALLOW), LOAD(ARG(0)),
	  IF(JEQ, PR_GET_NAME, 0, 1), RETURN(KILL), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 1, 0), RETURN(ALLOW), LOAD(ARG(0)),
	  IF(JEQ, PR_GET_NAME + 1, 0, 1), RETURN(KILL), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JGE, SYS_prctl, 0, 2), IF(JGT, SYS_prctl, 1, 0), RETURN(KILL), RETURN(ALLOW),
	  ENDS },
	{ LOAD(NR), WITH(SUB, SYS_prctl), WITH(ADD, 8), WITH(MUL, 3), WITH(DIV, 4), WITH(LSH, 4),
	  WITH(RSH, 2), WITH(XOR, 1), WITH(OR, 2), WITH(AND, 0xff), IF(JEQ, 27, 0, 1), RETURN(KILL),
	  RETURN(ALLOW), ENDS },
	{ LOAD(NR), BPF_STMT(BPF_ALU | BPF_NEG, 0), IF(JEQ, -SYS_prctl, 0, 1), RETURN(KILL),
	  RETURN(ALLOW), ENDS },
	{ LOAD(NR), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, SYS_prctl),
	  BPF_STMT(BPF_STX, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), BPF_STMT(BPF_LDX | BPF_MEM, 15),
	  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1), RETURN(TRAP), RETURN(ALLOW), ENDS },
	{ LOAD(NR), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 1),
	  BPF_STMT(BPF_MISC | BPF_TXA, 0), IF(JSET, SYS_prctl, 0, 2), IF(JEQ, SYS_prctl, 0, 1),
	  RETURN(KILL), RETURN(ALLOW), ENDS },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), IF(JEQ, sizeof(struct seccomp_data), 0, 3),
	  LOAD(NR), IF(JEQ, SYS_prctl, 0, 1), RETURN(KILL), RETURN(ALLOW), ENDS },
	{ LOAD(NR), IF(JEQ, SYS_prctl, 0, 3), BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
	  BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(ALLOW), RETURN(ALLOW), ENDS },
	{ BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RETURN(KILL), LOAD(NR), IF(JEQ, SYS_prctl, 0, 2),
	  BPF_STMT(BPF_LD | BPF_W | BPF_IMM, SECCOMP_RET_TRAP), BPF_STMT(BPF_RET | BPF_A, 0),
	  RETURN(ALLOW), ENDS },
};

static unsigned short length_of(const struct sock_filter *program)
{
	static const struct sock_filter end;
	unsigned short n = 0;

	while (n < 16 && memcmp(&program[n], &end, sizeof(end)) != 0)
		n++;
	return n;
}

/* Whether a process is alive behind the call. */
static bool lives_with(size_t index, const struct sock_filter *program, unsigned short length)
{
	const struct sock_fprog filter = { length, (struct sock_filter *)program };
	const pid_t child = fork();
	int status;

	if (child == 0) {
		char name[16];

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
			_exit(9);
		prctl(PR_GET_NAME, name);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 9,
		  "the kernel does not take program %zu", index);
	return WIFEXITED(status);
}

Test(filter, says_what_the_kernel_does)
{
	const struct seccomp_data call = { .nr = SYS_prctl, .args = { PR_GET_NAME } };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		const unsigned short length = length_of(programs[i]);
		cr_expect_eq(filter_spares(programs[i], length, &call),
			     lives_with(i, programs[i], length), "program %zu", i);
	}
}

/* None of these the kernel would take. */
Test(filter, stays_inside_of_what_it_is_given)
{
	static const struct sock_filter bad[][3] = {
		{ LOAD(sizeof(struct seccomp_data)), RETURN(ALLOW) },
		{ LOAD(1), RETURN(ALLOW) },
		{ BPF_STMT(BPF_ST, BPF_MEMWORDS), RETURN(ALLOW) },
		{ BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS), RETURN(ALLOW) },
		{ BPF_JUMP(BPF_JMP | BPF_JA, 0xffffffff, 0, 0), RETURN(ALLOW) },
		{ IF(JEQ, 0, 255, 255), RETURN(ALLOW) },
		{ LOAD(NR), LOAD(NR), LOAD(NR) },
	};
	const struct seccomp_data call = { .nr = 1 };

	cr_expect_not(filter_spares(NULL, 0, &call));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		/* A jump that wraps around leads to where it came from. */
		const size_t length = i == 4 ? 1 : i == 5 ? 2 : 3;
		cr_expect_not(filter_spares(bad[i], length, &call), "program %zu", i);
	}
}
