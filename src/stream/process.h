// Which process holds a name, and whether it still lives: process id and start time, since ids are used
// again. Processes of one machine that see the same /proc; one that cannot be seen (another container) counts
// as dead.
#pragma once

#include "stream/group.h"

namespace drst {

HolderId this_process();
bool process_alive(const HolderId& holder);

}  // namespace drst
