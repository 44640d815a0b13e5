// A settings file and an assignment of any text: taken, or refused with an InputError; and the small texts
// that every room reads: numbers and times.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"
#include "base/time.h"

namespace {

struct Section {
  bool flag = false;
  int64_t count = 3;
  double share = 0.5;
  std::string name = "a";
  std::vector<int64_t> counts = {1, 2};
  std::vector<double> shares = {0.5};
  std::vector<std::string> names = {"x"};
  std::vector<std::vector<int64_t>> layers = {{64, 32}};
};

void describe(drst::SettingsVisitor& v, Section& s) {
  v.visit("flag", s.flag, {"", "a switch"});
  v.visit("count", s.count, {"rows", "a count", 1, 100});
  v.visit("share", s.share, {"1", "a share", 0, 1});
  v.visit("name", s.name, {"", "a name", 0, 0, {"a", "b"}});
  v.visit("counts", s.counts, {"rows", "counts", 1, 100});
  v.visit("shares", s.shares, {"1", "shares", 0, 1});
  v.visit("names", s.names, {"", "names"});
  v.visit("layers", s.layers, {"units", "layers", 1, 1000});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Section section;
  Settings settings;
  settings.add("s", section);
  try {
    settings.load_text(text, "fuzz");
    if (section.count < 1 || section.count > 100 || !(section.share >= 0 && section.share <= 1))
      __builtin_trap();
    Section other;
    Settings again;
    again.add("s", other);
    again.load_text(settings.to_toml(true), "again");
    if (again.values() != settings.values()) __builtin_trap();
  } catch (const InputError&) {
  }
  try {
    settings.set(text);
  } catch (const InputError&) {
  }
  if (const auto number = parse_int(text); number && parse_int(to_text(*number)) != number) __builtin_trap();
  if (const auto number = parse_double(text); number && *number == *number)
    if (parse_double(to_text(*number)) != number) __builtin_trap();
  if (const auto time = from_iso8601(text); time && from_iso8601(to_iso8601(*time)) != time) __builtin_trap();
  return 0;
}
