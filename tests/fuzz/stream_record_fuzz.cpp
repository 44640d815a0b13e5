// Samples and labels from anybody: a reason or a sample, never a crash; the short cut by layout must say what
// the parser says.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "stream/record.h"

namespace {

bool same(const drst::Result<drst::Sample>& a, const drst::Result<drst::Sample>& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return true;
  if (a->id != b->id || a->row != b->row || a->label != b->label || a->send_ts != b->send_ts ||
      a->stage != b->stage || a->finite != b->finite || a->absent != b->absent ||
      a->non_finite != b->non_finite || a->values.size() != b->values.size())
    return false;
  for (std::size_t i = 0; i < a->values.size(); ++i)
    if (!(a->values[i] == b->values[i] || (std::isnan(a->values[i]) && std::isnan(b->values[i]))))
      return false;
  return true;
}

}  // namespace

/// Records are separated by a zero byte, so that one input can hold a sequence: the decoder learns from
/// record to record. For the first lane and for a further one.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  for (const char* lane : {"", "latency"}) {
    drst::WireLimits limits;
    limits.max_columns = 64;
    drst::RecordDecoder with_layouts(limits, lane);
    limits.layouts = false;
    drst::RecordDecoder without(limits, lane);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
      const auto end = rest.find('\0');
      drst::RecordView record;
      record.value = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      const auto a = with_layouts.decode(record);
      const auto b = without.decode(record);
      if (!same(a, b) || with_layouts.columns() != without.columns()) std::abort();
      if (a && (a->values.size() != with_layouts.columns().size() || with_layouts.columns().size() > 64))
        std::abort();
      static_cast<void>(drst::decode_label(record.value, {}, lane));
    }
  }
  return 0;
}
