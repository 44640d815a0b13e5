#include "base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {
std::string digest_hex(const EVP_MD* algorithm, std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  bool good = context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1;
  for (const auto part : parts) good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  if (!good || EVP_DigestFinal_ex(context.get(), raw.data(), &length) != 1)
    throw FailedError("OpenSSL could not compute a digest");
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += "0123456789abcdef"[raw[i] >> 4];
    text += "0123456789abcdef"[raw[i] & 15];
  }
  return text;
}
}  // namespace

std::string sha256_hex(std::string_view bytes) { return digest_hex(EVP_sha256(), {bytes}); }

std::optional<std::string> md5_hex(std::string_view bytes) {
  try {
    return digest_hex(EVP_md5(), {bytes});
  } catch (const FailedError&) {
    return std::nullopt;
  }
}

std::string git_blob_id(std::string_view bytes) {
  const std::string head = "blob " + to_text(bytes.size());
  return digest_hex(EVP_sha1(), {head, std::string_view("\0", 1), bytes});
}

}  // namespace drst
