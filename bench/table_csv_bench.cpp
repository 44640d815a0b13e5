// How fast a numeric CSV becomes a table, beside counting the lines of the same bytes (what `wc -l` does).
//   build/bin/table_csv_bench [ROWS]
// ROWS: 1 M rows of 63 columns by default, written to a temporary file first.
// Prints the median of five rounds in MB/s (10^6 bytes) of processor time, so that other work on the machine
// does not count, and of wall time; the file is in the page cache for both.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/files.h"
#include "base/mapped_file.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "table/csv.h"

namespace {

/// Numbers as the published tables have them: rates with 14 digits, latencies with three decimals, counters
/// as "x.0".
std::string make_rows(std::size_t rows, const drst::ChainSchema& schema) {
  drst::Random random(7);
  std::string text;
  drst::append_csv_header(text, schema.all_names(), true);
  for (std::size_t row = 0; row < rows; ++row) {
    text += drst::to_text(row % 179);
    text += ',' + drst::to_fixed(random.uniform(100, 10'000), 11);
    text += ',' + drst::to_fixed(random.uniform(100, 10'000), 11);
    text += ',' + drst::to_fixed(random.uniform(1, 900), 3);
    for (std::size_t i = 3; i < 63; ++i)
      text += ',' + drst::to_text(static_cast<std::int64_t>(std::exp(random.uniform(11, 23)))) + ".0";
    text += '\n';
  }
  return text;
}

struct Seconds {
  double processor = 0;
  double wall = 0;
};

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
Seconds median_of_rounds(const Work& work) {
  constexpr std::size_t rounds = 5;
  std::vector<double> processor;
  std::vector<double> wall;
  for (std::size_t round = 0; round < rounds; ++round) {
    const double wall_begin = drst::monotonic_seconds();
    const double begin = processor_seconds();
    work();
    processor.push_back(processor_seconds() - begin);
    wall.push_back(drst::monotonic_seconds() - wall_begin);
  }
  std::sort(processor.begin(), processor.end());
  std::sort(wall.begin(), wall.end());
  return {processor[rounds / 2], wall[rounds / 2]};
}

}  // namespace

int main(int argc, char** argv) {
  const auto rows = static_cast<std::size_t>(argc > 1 ? drst::parse_int(argv[1]).value_or(0) : 1'000'000);
  if (rows == 0) {
    std::fprintf(stderr, "usage: table_csv_bench [ROWS]\n");
    return 2;
  }
  const drst::TemporaryFolder folder;
  const auto path = folder.path() / "rows.csv";
  drst::write_file_atomic(path, make_rows(rows, {}), drst::Sync::no);
  const double megabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e6;

  std::size_t lines = 0;
  const Seconds counting = median_of_rounds([&] {
    const drst::MappedFile file(path);
    const char* at = file.bytes().data();
    const char* const end = at + file.bytes().size();
    lines = 0;
    while ((at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) !=
           nullptr) {
      ++lines;
      if (++at == end) break;
    }
  });
  std::size_t cells = 0;
  const Seconds reading = median_of_rounds([&] {
    const auto table = drst::read_csv(path);
    cells = table.rows() * table.columns();
  });
  std::printf("%zu rows, %zu cells, %.1f MB\n", lines - 1, cells, megabytes);
  const auto print = [&](const char* what, const Seconds& s) {
    std::printf("%-26s %9.0f %12.0f %8.3f\n", what, megabytes / s.processor, megabytes / s.wall,
                counting.processor / s.processor);
  };
  std::printf("%-26s %9s %12s %8s\n", "what", "MB/s", "MB/s (wall)", "ratio");
  print("count lines (yardstick)", counting);
  print("read_csv into a table", reading);
  std::printf("%.1f ns a cell\n", reading.processor * 1e9 / static_cast<double>(cells));
  return 0;
}
