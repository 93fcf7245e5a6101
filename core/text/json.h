// Writes JSON for --json. Values appear in the order they are written.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace fusereplay {

/// Builds one JSON text. The caller keeps objects, arrays and keys in order; nothing is checked.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  /// Text. Bytes that are not UTF-8 become U+FFFD: for names, use name().
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  /// A whole number, in full: readers that keep numbers as doubles lose bits above 2^53.
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    separate();
    text_ += std::to_string(number);
    return *this;
  }
  JsonWriter& value(bool flag);

  /// Bytes chosen by a user: a string where they are UTF-8, else {"hex": "..."}.
  JsonWriter& name(std::string_view bytes);
  JsonWriter& hex(std::string_view bytes);

  template <class Value>
  JsonWriter& member(std::string_view name, const Value& what) {
    return key(name).value(what);
  }

  /// What was written, and an empty writer again.
  std::string take();

 private:
  void separate();

  std::string text_;
  bool first_ = true;  // no comma before the next value
};

/// Whether the bytes are well-formed UTF-8.
bool is_utf8(std::string_view bytes) noexcept;

}  // namespace fusereplay
