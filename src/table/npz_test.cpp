#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/error.h"
#include "base/files.h"
#include "table/npy.h"

namespace drst {
namespace {

using ::testing::HasSubstr;

std::map<std::string, Array> some_arrays() {
  std::map<std::string, Array> arrays;
  arrays["ts"] = Array::of(std::vector<double>{0.1, 1e300, -0.0});
  arrays["true"] = Array::of(std::vector<float>{1.5F, std::nanf(""), INFINITY});
  arrays["partition"] = Array::of(std::vector<int32_t>{0, -1, 2});
  arrays["offset"] = Array::of(std::vector<int64_t>{INT64_MAX, 0, INT64_MIN});
  arrays["id"] = Array::of(std::vector<std::string>{"run-0", "", "gr\xC3\xBC\xC3\x9F"});
  arrays["batch"] = Array::matrix({1, 2, 3, 4, 5, 6}, 2, 3);
  arrays["nothing"] = Array::of(std::vector<float>{});
  return arrays;
}

std::string refusal(std::string_view bytes, std::uint64_t limit = 1 << 20) {
  try {
    parse_npz(bytes, "a.npz", limit);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

void expect_same(const std::map<std::string, Array>& a, const std::map<std::string, Array>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, array] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_EQ(to_npy(array), to_npy(b.at(name))) << name;
  }
}

TEST(Npz, ReadsBack) { expect_same(parse_npz(to_npz(some_arrays()), "a"), some_arrays()); }

TEST(Npz, TheSameContentGivesTheSameBytesAtAnyTimeAndPlace) {
  const std::string first = to_npz(some_arrays());
  const char* zone = std::getenv("TZ");
  const std::string before = zone == nullptr ? "" : zone;
  setenv("TZ", "Pacific/Auckland", 1);
  tzset();
  EXPECT_EQ(to_npz(some_arrays()), first);
  if (zone == nullptr) {
    unsetenv("TZ");
  } else {
    setenv("TZ", before.c_str(), 1);
  }
  tzset();
  EXPECT_THAT(first, HasSubstr(std::string("\x00\x00\x21\x00", 4))) << "1980-01-01 00:00, the epoch of ZIP";
}

TEST(Npz, PacksWhereItHelps) {
  EXPECT_LT(to_npz({{"a", Array::of(std::vector<double>(10'000, 1.0))}}).size(), 2'000U);
}

TEST(Npz, AnyCutIsAnInputError) {
  const std::string good = to_npz(some_arrays());
  for (std::size_t length = 0; length < good.size(); length += 7)
    EXPECT_NE(refusal(good.substr(0, length)), "no InputError") << "cut to " << length;
}

TEST(Npz, ADamagedMemberFailsItsChecksum) {
  const std::string good = to_npz({{"a", Array::of(std::vector<double>{0.1, 0.2, 0.3})}});
  int refused = 0;
  for (std::size_t at = 40; at < 100; ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    if (refusal(bad) != "no InputError") ++refused;
  }
  EXPECT_EQ(refused, 60);
}

TEST(Npz, NothingUnpacksBeyondItsLimit) {
  const std::string bomb = to_npz({{"a", Array::of(std::vector<double>(1'000'000))}});
  EXPECT_LT(bomb.size(), 20'000U);
  EXPECT_THAT(refusal(bomb), HasSubstr("member 'a.npy' would unpack to 8000128 bytes"));
  const std::string pair =
      to_npz({{"a", Array::of(std::vector<double>(80'000))}, {"b", Array::of(std::vector<double>(80'000))}});
  EXPECT_THAT(refusal(pair), HasSubstr("member 'b.npy'")) << "the limit is for all members together";
}

TEST(Npz, ALyingSizeTakesNoMemory) {
  std::string bytes = to_npz({{"a", Array::of(std::vector<double>{1})}});
  // The central directory's uncompressed size: 24 bytes into the entry that begins with PK\1\2.
  const auto entry = bytes.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  bytes.replace(entry + 24, 4, std::string("\xff\xff\xff\x7f", 4));
  EXPECT_NE(refusal(bytes, std::uint64_t{1} << 32), "no InputError");
}

TEST(Npz, WhatIsNoNpz) {
  EXPECT_THAT(refusal(""), HasSubstr("a.npz"));
  EXPECT_THAT(refusal("hello"), HasSubstr("not a whole NPZ"));
  EXPECT_THROW(to_npz({}), InputError);
}

/// Output of a command, or nothing if it failed.
std::optional<std::string> run(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string output;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    output.append(buffer, got);
  const int status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

TEST(Npz, NumpyReadsOursAndWeReadNumpys) {
  if (!run("/usr/bin/python3 -c 'import numpy' 2>/dev/null")) {
    if (std::getenv("CI") != nullptr) FAIL() << "python3-numpy is not installed";
    GTEST_SKIP() << "install python3-numpy";
  }
  const TemporaryFolder folder;
  const auto arrays = some_arrays();
  write_file_atomic(folder.path() / "ours.npz", to_npz(arrays));
  const auto script = std::filesystem::path(DRST_SOURCE_DIR) / "tests" / "numpy_check.py";
  const auto seen = run("/usr/bin/python3 '" + script.string() + "' '" +
                        (folder.path() / "ours.npz").string() + "' '" + folder.path().string() + "'");
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(*seen,
            "batch <f4 (2, 3) [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]\n"
            "id <U5 (3,) ['run-0', '', 'gr\xC3\xBC\xC3\x9F']\n"
            "nothing <f4 (0,) []\n"
            "offset <i8 (3,) [9223372036854775807, 0, -9223372036854775808]\n"
            "partition <i4 (3,) [0, -1, 2]\n"
            "true <f4 (3,) [1.5, nan, inf]\n"
            "ts <f8 (3,) [0.1, 1e+300, -0.0]\n");
  for (const char* name : {"stored.npz", "packed.npz"})
    expect_same(parse_npz(read_file(folder.path() / name), name), arrays);
  for (const auto& [name, array] : arrays) {
    const std::string theirs = read_file(folder.path() / (name + ".npy"));
    EXPECT_EQ(to_npy(parse_npy(theirs, name)), to_npy(array));
    EXPECT_EQ(theirs, to_npy(array)) << "byte for byte what numpy.save writes";
  }
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (!entry.path().filename().string().starts_with("refused_")) continue;
    ++refused;
    EXPECT_THROW(parse_npy(read_file(entry.path()), entry.path().filename().string()), InputError)
        << entry.path();
  }
  EXPECT_EQ(refused, 5);
}

}  // namespace
}  // namespace drst
