#include "table/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "table/npy_header.h"
#include "table/utf8.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(std::string_view bytes) {
  try {
    parse_npy(bytes, "a.npy");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

std::string npy_with(const std::string& dictionary, const std::string& body = "", char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  bytes += static_cast<char>(dictionary.size() & 0xFF);
  bytes += static_cast<char>(dictionary.size() >> 8);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + dictionary + body;
}

void expect_same(const Array& a, const Array& b) {
  EXPECT_EQ(a.shape, b.shape);
  // Compared as bytes: a NaN must come back as it went.
  EXPECT_EQ(to_npy(a), to_npy(b));
}

TEST(Npy, TheBytesOfAKnownArray) {
  // numpy.save of numpy.array([[1, 2], [3, 4]], dtype='<f4') by numpy 1.24.
  const std::string header = std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }" +
                             std::string(58, ' ') + "\n";
  const std::string body("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40", 16);
  EXPECT_EQ(header.size(), 128U);
  EXPECT_EQ(to_npy(Array::matrix({1, 2, 3, 4}, 2, 2)), header + body);
}

TEST(Npy, EveryTypeReadsBack) {
  expect_same(parse_npy(to_npy(Array::of(std::vector<float>{1, -0.0F})), "a"),
              Array::of(std::vector<float>{1, -0.0F}));
  expect_same(parse_npy(to_npy(Array::of(std::vector<double>{1e300})), "a"),
              Array::of(std::vector<double>{1e300}));
  expect_same(parse_npy(to_npy(Array::of(std::vector<int32_t>{-7})), "a"),
              Array::of(std::vector<int32_t>{-7}));
  expect_same(parse_npy(to_npy(Array::of(std::vector<int64_t>{INT64_MIN})), "a"),
              Array::of(std::vector<int64_t>{INT64_MIN}));
  const auto texts = Array::of(std::vector<std::string>{"", "drei", "\xC3\xA4\xF0\x9F\x98\x80"});
  expect_same(parse_npy(to_npy(texts), "a"), texts);
  expect_same(parse_npy(to_npy(Array::of(std::vector<std::string>{})), "a"),
              Array::of(std::vector<std::string>{}));
  expect_same(parse_npy(to_npy(Array::matrix({}, 0, 61)), "a"), Array::matrix({}, 0, 61));
}

TEST(Npy, AShapeMustFitItsData) {
  Array array = Array::of(std::vector<float>{1, 2, 3});
  array.shape = {2, 2};
  EXPECT_THROW(to_npy(array), InputError);
  array.shape = {std::size_t{1} << 40, std::size_t{1} << 40};
  EXPECT_THROW(to_npy(array), InputError) << "and the product may overflow";
}

TEST(Npy, TextsThatNumpyCannotHold) {
  EXPECT_THROW(to_npy(Array::of(std::vector<std::string>{"\xFF"})), InputError);
  EXPECT_THROW(to_npy(Array::of(std::vector<std::string>{std::string("a\0", 2)})), InputError);
}

TEST(Npy, DamagedFilesAreRefused) {
  const std::string good = to_npy(Array::of(std::vector<double>{1, 2, 3}));
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(refusal(good.substr(0, length)), "no InputError") << "cut to " << length;
  EXPECT_THAT(refusal(good + "x"), HasSubstr("damaged or cut short"));
  EXPECT_THAT(refusal("PK\x03\x04"), HasSubstr("not an NPY file"));
}

TEST(Npy, HostileHeadersAreRefused) {
  const auto with_shape = [](const std::string& shape, const std::string& type = "<f8") {
    return refusal(npy_with("{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }"));
  };
  EXPECT_THAT(with_shape("(4611686018427387904, 4)"), HasSubstr("does not match"));
  EXPECT_THAT(with_shape("(99999999999999999999999,)"), HasSubstr("not one that numpy writes"));
  EXPECT_THAT(with_shape("(-1,)"), HasSubstr("not one that numpy writes"));
  EXPECT_THAT(with_shape("(9223372036854775807,)", "<U0"), HasSubstr("'<U0'"))
      << "elements of no size cost nothing";
  EXPECT_THAT(with_shape("(1,)", "<U4611686018427387905"), HasSubstr("cannot read"));
  EXPECT_THAT(with_shape("(1,)", "|O"), HasSubstr("pickled"));
  std::string deep = "(";
  for (int i = 0; i < 40; ++i) deep += "1,";
  EXPECT_THAT(with_shape(deep + ")"), HasSubstr("not one that numpy writes"));
  EXPECT_THAT(refusal(npy_with("{'descr': '<f8', 'shape': (0,)}")), HasSubstr("not one that numpy writes"));
  EXPECT_THAT(refusal(npy_with("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (0,)}")),
              HasSubstr("not one that numpy writes"));
  EXPECT_THAT(refusal(npy_with("__import__('os').system('true')")), HasSubstr("not one that numpy writes"));
  EXPECT_THAT(refusal(npy_with("{}", "", 9)), HasSubstr("version 9"));
  std::string cut = npy_with("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", "", 2);
  cut[10] = '\x7f';
  EXPECT_THAT(refusal(cut), HasSubstr("claims"));
}

TEST(Npy, LaterVersionsAreRead) {
  for (const char version : {'\2', '\3'}) {
    const Array array = parse_npy(npy_with("{'shape': (), 'fortran_order': False, 'descr': \"<i4\"}\n",
                                           std::string("\x05\0\0\0", 4), version),
                                  "a");
    EXPECT_TRUE(array.shape.empty());
    EXPECT_THAT(std::get<std::vector<int32_t>>(array.data), ElementsAre(5));
  }
}

TEST(Npy, TheLimitHolds) {
  EXPECT_THROW(parse_npy(to_npy(Array::of(std::vector<double>(100))), "a", 200), InputError);
}

TEST(Npy, TheValuesBeginAtAMultipleOf64) {
  for (std::size_t digits = 1; digits < 19; ++digits) {
    std::size_t extent = 1;
    for (std::size_t i = 1; i < digits; ++i) extent *= 10;
    EXPECT_EQ(detail::npy_header("<f8", {extent}).size() % 64, 0U);
  }
}

TEST(Utf8, IsStrict) {
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF8\x88\x80\x80\x80"})
    EXPECT_FALSE(detail::from_utf8(bad).has_value());
  EXPECT_EQ(detail::from_utf8("\xF4\x8F\xBF\xBF"), std::u32string(1, char32_t{0x10FFFF}));
  EXPECT_FALSE(detail::to_utf8(std::u32string(1, char32_t{0xD800})).has_value());
  EXPECT_FALSE(detail::to_utf8(std::u32string(1, char32_t{0x110000})).has_value());
}

RC_GTEST_PROP(NpyProperty, FloatsReadBackBitForBit, (const std::vector<std::uint32_t>& bits)) {
  std::vector<float> values(bits.size());
  if (!bits.empty()) std::memcpy(values.data(), bits.data(), bits.size() * sizeof(float));
  const Array array = Array::of(values);
  RC_ASSERT(to_npy(parse_npy(to_npy(array), "a")) == to_npy(array));
}

RC_GTEST_PROP(NpyProperty, AnyDamageIsAnInputErrorOrAnotherArray, (std::size_t where, unsigned char to)) {
  std::string bytes = to_npy(Array::of(std::vector<std::string>{"a", "bc"}));
  bytes[where % bytes.size()] = static_cast<char>(to);
  try {
    const Array array = parse_npy(bytes, "a");
    RC_ASSERT(array.elements() <= 4U);
  } catch (const InputError&) {
  }
}

}  // namespace
}  // namespace drst
