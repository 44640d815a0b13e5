// A loop whose rounds run on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace drst {

/// Calls work(0) to work(count - 1), each once, on up to `threads` threads, this one among them; in no
/// particular order, so results belong into places of their own. The first exception ends the loop and is
/// thrown here. Returns the CPU seconds of the threads other than this one.
double in_parallel(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work);

}  // namespace drst
