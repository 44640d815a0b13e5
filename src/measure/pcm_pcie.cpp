#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "measure/wide.h"
#include "measure/wide_rows.h"

namespace drst {

namespace {

/// "203028(Total)": the number, and the sort in lower case. Without one, as pcm-pcie prints unless it is
/// asked for misses and hits (-e), the number is the total. Empty: neither.
std::string sort_of(std::string_view& cell) {
  const auto open = cell.find('(');
  if (open == std::string_view::npos) return "total";
  if (cell.back() != ')') return {};
  std::string sort(cell.substr(open + 1, cell.size() - open - 2));
  std::transform(sort.begin(), sort.end(), sort.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
  });
  cell = cell.substr(0, open);
  return sort;
}

/// One second's lines: (socket, sort) of each.
using Block = std::set<std::string>;

}  // namespace

WideSeries read_pcm_pcie(std::string_view bytes, const WideOptions& options, FileDirt& dirt) {
  Lines lines(bytes, dirt, options.conflict);
  detail::WideRows rows(options.most_columns, bytes.size());
  std::vector<std::string_view> fields(256);
  std::vector<std::string> head;
  std::string header;
  std::size_t socket = 0;  // its field
  Block usual;             // lines of the first second that was whole
  Block block;
  std::uint64_t block_line = 0;
  const auto end_block = [&] {
    if (block.empty()) return;
    if (usual.empty() || block.size() > usual.size()) usual = block;
    if (block.size() < usual.size()) {
      dirt.add(Dirt::incomplete_block, block_line);
      rows.drop_row();
    }
    block.clear();
  };
  std::string_view line;
  while (lines.next(line)) {
    const std::size_t all = split_fields(line, ",", fields);
    const std::size_t count = std::min(all, fields.size());
    if (!header.empty() && line == header) {
      end_block();
      continue;
    }
    if (header.empty()) {
      const auto found = std::find_if(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(count),
                                      [](std::string_view field) { return trim(field) == "Skt"; });
      socket = static_cast<std::size_t>(found - fields.begin());
      if (socket == count) {
        dirt.add(Dirt::ragged_row, lines.number());
        continue;
      }
      header = line;
      for (std::size_t i = 0; i < count; ++i) head.emplace_back(trim(fields[i]));
      continue;
    }
    std::string_view last = trim(fields[count - 1]);
    const std::string sort = sort_of(last);
    if (all != head.size() || sort.empty()) {
      dirt.add(Dirt::ragged_row, lines.number());
      continue;
    }
    const std::string which = std::string(trim(fields[socket])) + "\n" + sort;
    if (block.contains(which)) end_block();
    if (block.empty()) {
      if (!rows.begin_row()) {
        dirt.add(Dirt::ragged_row, lines.number());
        continue;
      }
      block_line = lines.number();
    }
    block.insert(which);
    for (std::size_t i = socket + 1; i < count; ++i) {
      const double value = cell_number(i + 1 == count ? last : fields[i]);
      if (std::isnan(value)) dirt.add(Dirt::bad_cell, lines.number());
      std::string name = "skt-" + std::string(trim(fields[socket]));
      name += "_" + head[i] + "-" + sort;
      if (!rows.set(name, without_wrap(value, false, options.impossible, lines.number(), dirt))) {
        dirt.add(Dirt::ragged_row, lines.number());
        break;
      }
    }
  }
  end_block();
  return rows.take();
}

}  // namespace drst
