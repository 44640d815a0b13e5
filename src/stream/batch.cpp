#include "stream/batch.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace drst {

namespace {
constexpr std::size_t smallest_chunk = std::size_t{64} << 10;
constexpr std::size_t alignment = alignof(std::max_align_t);
}  // namespace

std::byte* Arena::allocate(std::size_t size) {
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  if (chunks_.empty() || chunks_.back().size - used_ < rounded) {
    const std::size_t wanted =
        std::max({rounded, smallest_chunk, chunks_.empty() ? 0 : 2 * chunks_.back().size});
    chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(wanted), wanted});
    used_ = 0;
  }
  std::byte* at = chunks_.back().bytes.get() + used_;
  used_ += rounded;
  return at;
}

void Arena::clear() {
  if (chunks_.size() > 1) {
    const std::size_t total = capacity();
    chunks_.clear();
    chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(total), total});
  }
  used_ = 0;
}

std::size_t Arena::capacity() const {
  std::size_t total = 0;
  for (const auto& chunk : chunks_) total += chunk.size;
  return total;
}

void Batch::Storage::clear() {
  records.clear();
  arena.clear();
}

std::string_view Batch::Storage::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* bytes = reinterpret_cast<char*>(arena.allocate(text.size()));
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

std::span<Batch::Storage::HeaderView> Batch::Storage::make_headers(std::size_t count) {
  if (count == 0) return {};
  auto* first = reinterpret_cast<HeaderView*>(arena.allocate(count * sizeof(HeaderView)));
  std::uninitialized_default_construct_n(first, count);  // trivially destructible: clear() may forget them
  return {first, count};
}

Batch::Batch() : storage_(std::make_unique<Storage>()) {}
Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

std::span<const RecordView> Batch::records() const {
  return storage_ == nullptr ? std::span<const RecordView>() : std::span<const RecordView>(storage_->records);
}

}  // namespace drst
