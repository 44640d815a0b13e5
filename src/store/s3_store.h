// Objects in a bucket of any S3 service: key "models/latest.txt" of s3://bucket/prefix is
// "prefix/models/latest.txt" there.
//
// Nothing may rest on `put_new`: it asks whether the object exists and writes with If-None-Match: *, which
// several services ignore, or keep for no writers at once (S3Proxy lets up to eight of eight win). It serves
// immutable objects, whose names tell one from another; the safety of the registry's pointer does not use it.
// A bucket can hold both "a" and "a/b", and two requests to find that out would prove nothing, so here nobody
// refuses it. `remove` asks first, as S3 does not say whether there was an object.
//
// What is written arrives whole or not at all: each request carries the SHA-256 of what it sends, and large
// objects go up in parts that count only once completed (and are aborted on failure). What is read in pieces
// (large objects, or after a cut) is of one version: each further piece asks for the same ETag, and reading
// begins anew where it has changed. What has an MD5 as its ETag is compared with it up to 8 MiB
// (s3.check_etag), read once more if it is another's, and then an error. Requests, retries, errors:
// s3_client.h. Any thread, any number of handles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/s3_client.h"
#include "store/store.h"

namespace drst {

class S3Store final : public ObjectStore {
 public:
  /// `url`: "s3://bucket[/prefix]". Asks nobody anything. InputError for what cannot be right.
  explicit S3Store(const std::string& url, const S3Settings& settings = {}, S3Surroundings surroundings = {});

  /// Lists a key, so that a wrong endpoint, bucket or credential is told before any work.
  void check();

  void put(const std::string& key, std::string_view bytes) override;
  bool put_new(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override;
  bool exists(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  bool remove(const std::string& key) override;
  [[nodiscard]] std::string url() const override;
  /// Where it really is: "https://host/bucket/prefix/". Tells one store from another.
  [[nodiscard]] std::string address() const { return client_.address() + "/" + place_.prefix; }
  [[nodiscard]] const S3Client& client() const { return client_; }
  /// InputError if `key` is none, or too long with the prefix.
  void check_key_here(const std::string& key) const { (void)request("PUT", key, "write"); }

 private:
  struct Place {
    std::string bucket, prefix;  ///< prefix: "" or with a slash at its end
  };
  static Place place_of(const std::string& url);
  S3Store(Place place, const S3Settings& settings, S3Surroundings surroundings);

  [[nodiscard]] S3Request request(std::string method, const std::string& key, const char* doing) const;
  /// False: there is one already (`only_new`).
  bool write(const std::string& key, std::string_view bytes, bool only_new);
  bool write_in_parts(const std::string& key, std::string_view bytes, bool only_new);
  bool won(const S3Answer& answer, const std::string& key, std::string_view bytes);

  Place place_;
  S3Client client_;
};

}  // namespace drst
