// Lines of running tools, whatever the bytes and however they are cut into pieces: the same rows, no more of
// them than lines, never more values than columns, and columns that only grow.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collect/line_parser.h"

namespace {

constexpr const char* types[] = {"perf_stat", "pcm", "nf_out", "moongen", "latency"};

/// Rows as bits, since NaN is not itself.
using Rows = std::vector<std::vector<std::uint64_t>>;

Rows rows_of(const std::string& type, std::string_view bytes, std::uint8_t piece, std::string& words) {
  drst::SourceSpec spec;
  spec.type = type;
  spec.vnf = "fw";
  if (type == "perf_stat") spec.events = {"instructions", "cycles"};
  drst::CollectSettings settings;
  settings.max_columns = 64;
  const auto parser = drst::make_line_parser(spec, settings);
  drst::LineCutter cutter(512);
  Rows rows;
  std::vector<std::string> columns;
  std::uint64_t number = 0;
  const auto look = [&] {
    if (parser->columns().size() < columns.size() || parser->columns().size() > 64 ||
        !std::equal(columns.begin(), columns.end(), parser->columns().begin()))
      __builtin_trap();
    columns = parser->columns();
    const auto& row = parser->newest();
    if (row.number == number) return;
    number = row.number;
    if (row.values.size() != row.shares.size() || row.values.size() > columns.size()) __builtin_trap();
    rows.emplace_back();
    for (const double value : row.values) rows.back().push_back(std::bit_cast<std::uint64_t>(value));
    for (const double share : row.shares) rows.back().push_back(std::bit_cast<std::uint64_t>(share));
    rows.back().push_back(std::bit_cast<std::uint64_t>(row.interval_s));
  };
  parser->begins(drst::Begin::run);
  std::uint32_t state = piece;
  while (!bytes.empty()) {
    state = state * 1664525 + 1013904223;
    const std::size_t size = piece == 0 ? bytes.size() : 1 + (state >> 24) % (1 + piece);
    cutter.feed(bytes.substr(0, size), [&](std::string_view line) {
      parser->line(line);
      look();
    });
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  parser->set_time(1'000'000'000);
  parser->settle();
  look();
  words = parser->words();
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string type = types[data[0] % std::size(types)];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string words, words_of_pieces;
  const Rows whole = rows_of(type, bytes, 0, words);
  if (rows_of(type, bytes, data[1], words_of_pieces) != whole || words != words_of_pieces) __builtin_trap();
  if (whole.size() > static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1)
    __builtin_trap();
  return 0;
}
