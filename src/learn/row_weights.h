// Which rows of a table count for how much in training. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "table/table.h"

namespace drst {

/// The rows that have a target which models can take: finite in single precision. Ascending.
std::vector<std::size_t> rows_with_target(const Table& table, std::string_view target);

/// One weight a row of `quality`, whose cells are the shares of time in which counters were scheduled (0 to
/// 1; NaN: not known): the mean share of the row to the power `power` (above 0), over the mean of all. A
/// count scaled up from a tenth of the time has the noise of that tenth. Rows of which nothing is known
/// weigh 1.
std::vector<double> quality_weights(const Table& quality, double power);

}  // namespace drst
