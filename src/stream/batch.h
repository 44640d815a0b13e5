// Where the records of a Batch live; for back ends.
//
// A batch is an arena of a few large chunks that never move, so views into it stay good while it is filled.
// clear() keeps the memory, and joins several chunks into one of their sum: after the first few fills of like
// size nothing is allocated. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "stream/log.h"

namespace drst {

class Arena {
 public:
  /// Uninitialised bytes, aligned for any fundamental type; good until clear().
  std::byte* allocate(std::size_t size);
  void clear();
  [[nodiscard]] std::size_t capacity() const;

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // of the last chunk
};

struct Batch::Storage {
  using HeaderView = std::pair<std::string_view, std::string_view>;

  Arena arena;
  std::vector<RecordView> records;

  void clear();
  /// A copy of `text` that lives as long as the batch is not cleared.
  std::string_view keep(std::string_view text);
  /// Room for `count` headers, empty ones.
  std::span<HeaderView> make_headers(std::size_t count);
};

}  // namespace drst
