"""A warehouse in object storage, which the machines that share it take in turn.

Below its address is one small object, the head (`head.py`). It says which objects are the
warehouse's files, and who has taken it. It is only ever written on condition that nobody has
written it since it was read, which S3 decides by its ETag. So one write of the head is all of it:

- to take the warehouse (`turn.py`), and to say every now and then that one still has it;
- to give back what was made of it: the files are there before, under names that no other writer
  uses, and count from the write of the head on. Whoever was outdated meanwhile is refused.

Each machine works on a copy (`local_copy.py`), under the write lock that processes of one machine
have among them: whoever takes that lock takes the warehouse, and who gives it up gives it back. A
run that is alone has both from its first task to its last, or for five minutes (`Turn.is_due`):
to give back is to upload the whole file, and what a killed run has not given back is still in its
copy, with which the next run of that machine goes on if nobody else has given back meanwhile.

That who has taken it is gone is told by what the storage says of its own time, the Date of its
answer and the Last-Modified of the head, so clocks of machines are never compared.
"""

from benepass_tasks.engine.shared.local_copy import Belongings
from benepass_tasks.engine.shared.shared import Shared
from benepass_tasks.engine.shared.turn import Turn

__all__ = ["Belongings", "Shared", "Turn"]
