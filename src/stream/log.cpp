// What a log does one by one unless its back end can do better.
#include "stream/log.h"

#include <utility>

namespace drst {

std::vector<int> Consumer::commit_each(std::span<const PartitionOffset> offsets) {
  std::vector<int> lost;
  for (const auto& [partition, next_offset] : offsets)
    if (!commit(partition, next_offset)) lost.push_back(partition);
  return lost;
}

void Log::append_each(const std::string& topic, std::span<const PartitionRecords> parts,
                      std::vector<int64_t>& firsts) {
  firsts.clear();
  for (const auto& [partition, records] : parts) firsts.push_back(append(topic, partition, records));
}

namespace {

/// What was done at once.
class Appended final : public Appending {
 public:
  explicit Appended(std::vector<int64_t> firsts) : firsts_(std::move(firsts)) {}
  std::vector<int64_t> wait() override { return std::move(firsts_); }

 private:
  std::vector<int64_t> firsts_;
};

}  // namespace

std::unique_ptr<Appending> Log::begin_append(const std::string& topic,
                                             std::span<const PartitionRecords> parts) {
  std::vector<int64_t> firsts;
  append_each(topic, parts, firsts);
  return std::make_unique<Appended>(std::move(firsts));
}

}  // namespace drst
