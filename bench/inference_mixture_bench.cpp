// The consumer's step with the mixture as shipped, five 120-64-32-1 networks and 200 extra-trees fitted on
// 2000 rows x 120 inputs, on records of 120 numbers (60 counters and those of the row before), beside
// simdjson alone over the same bytes in the same run. Frozen and live are the same release, as they are until
// the first swap, or two. One thread, log in memory.
//
//   inference_mixture_bench [records]
#include <algorithm>

#include "base/log.h"
#include "inference_world.h"

namespace {

using namespace drst;

constexpr int rounds = 9;  // the best counts: the machine has other work

struct Case {
  const char* name;
  const std::string& frozen;
  const std::string& live;
  int64_t batch;
  double best = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 6'000;
  drst::log::set_level(drst::log::Level::warning);
  const auto train = bench::make_stream(2000, true, 2);
  const auto stream = bench::make_stream(records, true, 3);
  const std::string mixture = bench::make_shipped_mixture(train, 1)->to_onnx({});
  const std::string other = bench::make_shipped_mixture(train, 2)->to_onnx({});
  const std::string trees = bench::fit_trees(train, 3)->to_onnx({});
  Case cases[] = {{"mixture, frozen = live, batch 1", mixture, mixture, 1},
                  {"mixture, frozen = live, batch 64", mixture, mixture, 64},
                  {"two mixtures, batch 1", mixture, other, 1},
                  {"two mixtures, batch 64", mixture, other, 64},
                  {"trees, frozen = live, batch 64", trees, trees, 64}};
  double parse = 0;
  std::size_t bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    for (auto& c : cases) {
      bench::World world(stream, records);
      world.serve(c.frozen, c.live, train.columns);
      c.best = std::max(c.best, bench::consumer_rate(world, c.batch));
      parse = std::max(parse, bench::simdjson_rate(world));
      bytes = world.bytes;
    }
  }
  std::printf("consumer step, 120 numbers, %.0f bytes a record; best of %d rounds\n",
              static_cast<double>(bytes) / static_cast<double>(records), rounds);
  std::printf("%-34s %12s %12s %10s\n", "", "records/cpu s", "us a record", "of simdjson");
  std::printf("%-34s %12.0f %12.2f %9.2fx\n", "simdjson alone", parse, 1e6 / parse, 1.0);
  for (const auto& c : cases)
    std::printf("%-34s %12.0f %12.2f %9.2fx\n", c.name, c.best, 1e6 / c.best, c.best / parse);
  return 0;
}
