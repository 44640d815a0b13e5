// The trace files of a run: a ZIP's checksums would stop every mutation, so the bytes choose the members'
// kinds, lengths and values, and the archive is made of them. Rows are read, or refused with an InputError.
#include <fuzzer/FuzzedDataProvider.h>

#include <map>
#include <string>

#include "base/error.h"
#include "inference/trace.h"
#include "table/npy.h"

namespace {

template <class T>
drst::Array numbers(FuzzedDataProvider& in) {
  std::vector<T> values;
  for (std::size_t n = in.ConsumeIntegralInRange<std::size_t>(0, 4); n > 0; --n)
    values.push_back(static_cast<T>(in.ConsumeIntegral<int8_t>()));
  return drst::Array::of(std::move(values));
}

drst::Array texts(FuzzedDataProvider& in) {
  std::vector<std::string> values;
  for (std::size_t n = in.ConsumeIntegralInRange<std::size_t>(0, 4); n > 0; --n)
    values.emplace_back(in.ConsumeIntegralInRange<std::size_t>(0, 8), 'x');
  return drst::Array::of(std::move(values));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  FuzzedDataProvider in(data, size);
  std::map<std::string, drst::Array> members;
  for (const char* name : {"ts", "partition", "offset", "true", "pred_orig", "pred_adj", "id", "row",
                           "release", "releases", "pred_live", "mixture", "mixtures", "status", "consumer"}) {
    switch (in.ConsumeIntegralInRange<int>(0, 4)) {
      case 0:
        members[name] = numbers<int64_t>(in);
        break;
      case 1:
        members[name] = numbers<int32_t>(in);
        break;
      case 2:
        members[name] = numbers<float>(in);
        break;
      case 3:
        members[name] = texts(in);
        break;
      default:
        break;
    }
  }
  if (members.empty()) return 0;
  const std::string npz = drst::to_npz(members);
  try {
    (void)drst::read_trace_file(npz, "results/fuzz_inference_trace.npz");
  } catch (const drst::InputError&) {
  }
  try {
    (void)drst::read_unpredicted_file(npz, "fuzz");
  } catch (const drst::InputError&) {
  }
  return 0;
}
