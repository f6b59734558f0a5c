#include "base/question.h"
#include "base/libc.h"

_Atomic unsigned question_forbidden LIBC_WITH_DATA;

void question_forbid(enum question question)
{
	atomic_fetch_or(&question_forbidden, 1u << question);
}
