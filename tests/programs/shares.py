"""shares.py [USER CALL]: becomes USER by CALL, then says whether the memory of the names that this program was given (GIVEN, or
ISOSOCKS_NAMES) is open or mapped here: `shared` or `apart`."""
import os
import sys

given = os.environ.get("GIVEN", os.environ.get("ISOSOCKS_NAMES", ""))
inode = given.partition(":")[2]
if len(sys.argv) > 1:
    user = int(sys.argv[1])
    call = getattr(os, sys.argv[2])
    call(*[user] * {"setuid": 1, "setreuid": 2, "setresuid": 3}[sys.argv[2]])
inodes = {line.split()[4] for line in open("/proc/self/maps")}
for fd in range(2048):
    try:
        inodes.add(str(os.fstat(fd).st_ino))
    except OSError:
        pass
print("shared" if inode in inodes else "apart")
