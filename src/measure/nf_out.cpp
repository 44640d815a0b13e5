#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "measure/wide.h"
#include "measure/wide_rows.h"

namespace drst {

namespace {

/// After name, instance and service: what OpenNetVM's manager prints, named as in the published tables. The
/// state is a letter (`W`, `S`) and becomes no column.
constexpr std::array<std::string_view, 18> names = {"thread_info.core",
                                                    "rx_pps",
                                                    "tx_pps",
                                                    "rx",
                                                    "tx",
                                                    "act_out",
                                                    "act_tonf",
                                                    "act_drop",
                                                    "thread_info.parent",
                                                    "state",
                                                    "rte_atomic16_read",
                                                    "rx_drop_rate",
                                                    "tx_drop_rate",
                                                    "rx_drop",
                                                    "tx_drop",
                                                    "act_next",
                                                    "act_buffer",
                                                    "act_returned"};
constexpr std::size_t first = 3;

}  // namespace

WideSeries read_nf_out(std::string_view bytes, const WideOptions& options, FileDirt& dirt) {
  Lines lines(bytes, dirt, options.conflict);
  detail::WideRows rows(options.most_columns, bytes.size());
  std::vector<std::string> second;  // VNFs of it
  std::array<std::string_view, first + names.size()> fields;
  std::string_view line;
  while (lines.next(line)) {
    const std::size_t all = split_fields(line, ",", fields);
    const std::string vnf(trim(fields[0]));
    if (all != fields.size() || vnf.empty()) {
      dirt.add(Dirt::ragged_row, lines.number());
      if (all < first || vnf.empty()) continue;
    }
    if (rows.rows() == 0 || std::find(second.begin(), second.end(), vnf) != second.end() ||
        second.size() > 1024) {
      if (!rows.begin_row()) {
        dirt.add(Dirt::ragged_row, lines.number());
        continue;
      }
      second.clear();
    }
    second.push_back(vnf);
    const std::size_t count = std::min(all, fields.size());
    for (std::size_t i = first; i < count; ++i) {
      if (names[i - first] == "state" || (all < fields.size() && i + 1 == count)) continue;
      const double value = cell_number(fields[i]);
      if (std::isnan(value)) dirt.add(Dirt::bad_cell, lines.number());
      std::string name = vnf + "-";
      name += names[i - first];
      if (!rows.set(name, without_wrap(value, false, options.impossible, lines.number(), dirt))) {
        dirt.add(Dirt::ragged_row, lines.number());
        break;
      }
    }
  }
  return rows.take();
}

}  // namespace drst
