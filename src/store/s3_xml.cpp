#include "store/s3_xml.h"

#include <expat.h>

#include <functional>
#include <memory>

#include "base/text.h"

namespace drst {

namespace {

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_elements = 200'000;
constexpr std::size_t max_text = 16'384;

/// Tells of each element at its end: its path ("Error/Code") and the text that stands directly in it.
struct Reader {
  std::function<void(std::string_view path, std::string& text)> element;
  XML_Parser parser = nullptr;
  std::string path;
  std::vector<std::size_t> lengths;  // of path, above each open element
  std::string text;
  std::size_t elements = 0;
  const char* refused = nullptr;

  void refuse(const char* why) {
    if (refused == nullptr) refused = why;
    XML_StopParser(parser, XML_FALSE);
  }
};

void on_start(void* user, const XML_Char* name, const XML_Char**) {
  auto& reader = *static_cast<Reader*>(user);
  std::string_view local = name;
  if (const auto colon = local.rfind(':'); colon != std::string_view::npos) local.remove_prefix(colon + 1);
  if (local.size() > 256) return reader.refuse("a name of an element is too long");
  if (reader.lengths.size() >= max_depth) return reader.refuse("elements are nested too deeply");
  if (++reader.elements > max_elements) return reader.refuse("there are too many elements");
  reader.lengths.push_back(reader.path.size());
  if (!reader.path.empty()) reader.path += '/';
  reader.path += local;
  reader.text.clear();
}

void on_end(void* user, const XML_Char*) {
  auto& reader = *static_cast<Reader*>(user);
  if (reader.refused != nullptr) return;
  reader.element(reader.path, reader.text);
  reader.path.resize(reader.lengths.back());
  reader.lengths.pop_back();
  reader.text.clear();
}

void on_text(void* user, const XML_Char* text, int length) {
  auto& reader = *static_cast<Reader*>(user);
  if (reader.text.size() + static_cast<std::size_t>(length) > max_text)
    return reader.refuse("the text of an element is too long");
  reader.text.append(text, static_cast<std::size_t>(length));
}

void on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
  static_cast<Reader*>(user)->refuse("it has a document type");
}

/// What is wrong, or nothing.
std::string read(std::string_view xml, std::function<void(std::string_view, std::string&)> element) {
  if (xml.size() > s3_xml_limit) return "it has more than " + to_text(s3_xml_limit) + " bytes";
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate(nullptr), &XML_ParserFree);
  if (!parser) return "expat has no memory";
  Reader reader;
  reader.element = std::move(element);
  reader.parser = parser.get();
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), &on_start, &on_end);
  XML_SetCharacterDataHandler(parser.get(), &on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), &on_doctype);
  const auto status = XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
  if (reader.refused != nullptr) return reader.refused;
  if (status != XML_STATUS_OK)
    return "line " + to_text(XML_GetCurrentLineNumber(parser.get())) + ": " +
           XML_ErrorString(XML_GetErrorCode(parser.get()));
  return {};
}

tl::unexpected<Failure> unreadable(const std::string& why) {
  return failure("the answer is not the XML that S3 gives: " + why);
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<S3ErrorBody> parse_s3_error(std::string_view xml) {
  S3ErrorBody body;
  const std::string wrong = read(xml, [&](std::string_view path, std::string& text) {
    if (path.starts_with("ErrorResponse/")) path.remove_prefix(14);  // STS
    if (path == "Error/Code") body.code = std::move(text);
    if (path == "Error/Message") body.message = std::move(text);
    if (path == "Error/Region") body.region = std::move(text);
    if (path == "Error/Endpoint") body.endpoint = std::move(text);
  });
  if (!wrong.empty() || body.code.empty()) return std::nullopt;
  return body;
}

Result<S3Page> parse_s3_page(std::string_view xml) {
  S3Page page;
  bool is_page = false, encoded = false;
  const std::string wrong = read(xml, [&](std::string_view path, std::string& text) {
    if (path == "ListBucketResult") is_page = true;
    if (path == "ListBucketResult/Contents/Key") page.keys.push_back(std::move(text));
    if (path == "ListBucketResult/IsTruncated") page.truncated = text == "true";
    if (path == "ListBucketResult/NextContinuationToken") page.next = std::move(text);
    if (path == "ListBucketResult/EncodingType") encoded = text == "url";
  });
  if (!wrong.empty()) return unreadable(wrong);
  if (!is_page) return unreadable("it has no ListBucketResult");
  if (page.truncated && page.next.empty()) return unreadable("a truncated list has no continuation token");
  if (encoded)
    for (auto& key : page.keys) key = decoded(key);
  return page;
}

Result<std::string> parse_s3_upload_id(std::string_view xml) {
  std::string id;
  const std::string wrong = read(xml, [&](std::string_view path, std::string& text) {
    if (path == "InitiateMultipartUploadResult/UploadId") id = std::move(text);
  });
  if (!wrong.empty()) return unreadable(wrong);
  if (id.empty()) return unreadable("it has no UploadId");
  return id;
}

Result<S3Credentials> parse_sts_credentials(std::string_view xml) {
  S3Credentials credentials;
  const std::string wrong = read(xml, [&](std::string_view path, std::string& text) {
    constexpr std::string_view above =
        "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
    if (!path.starts_with(above)) return;
    path.remove_prefix(above.size());
    if (path == "AccessKeyId") credentials.access_key = std::move(text);
    if (path == "SecretAccessKey") credentials.secret_key = std::move(text);
    if (path == "SessionToken") credentials.session_token = std::move(text);
    if (path == "Expiration") credentials.expires = from_iso8601(text);
  });
  if (!wrong.empty()) return unreadable(wrong);
  if (credentials.access_key.empty() || credentials.secret_key.empty() || credentials.session_token.empty())
    return unreadable("it lacks a part of the credentials");
  if (!credentials.expires) return unreadable("it does not say when the credentials expire");
  return credentials;
}

}  // namespace drst
