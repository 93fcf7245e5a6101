#include "core/protocol/extension.h"

#include <algorithm>
#include <cstring>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

constexpr std::size_t padded(std::size_t size) noexcept {
  return (size + 7) & ~std::size_t{7};
}

template <class Struct>
bool take(Bytes& bytes, Struct& value) noexcept {
  if (bytes.size() < sizeof(Struct)) return false;
  std::memcpy(&value, bytes.data(), sizeof(Struct));
  bytes = bytes.subspan(sizeof(Struct));
  return true;
}

/// One wire::Secctx with its name and value; false when it runs past `bytes`.
bool take_security_context(Bytes& bytes, SecurityContext& context) noexcept {
  wire::Secctx header{};
  if (!take(bytes, header) || bytes.empty()) return false;
  const void* nul = std::memchr(bytes.data(), 0, bytes.size());
  if (nul == nullptr) return false;
  const auto name_length = static_cast<std::size_t>(static_cast<const std::byte*>(nul) - bytes.data());
  context.name = std::string_view(reinterpret_cast<const char*>(bytes.data()), name_length);
  bytes = bytes.subspan(name_length + 1);
  if (header.size > bytes.size()) return false;
  context.value = bytes.first(header.size);
  const std::size_t record = padded(sizeof(header) + name_length + 1 + header.size);
  const std::size_t padding = record - (sizeof(header) + name_length + 1 + header.size);
  bytes = bytes.subspan(std::min<std::size_t>(header.size + padding, bytes.size()));
  return true;
}

bool take_groups(Bytes body, std::vector<std::uint32_t>& groups) {
  wire::SuppGroups header{};
  if (!take(body, header)) return false;
  if (header.nr_groups > body.size() / sizeof(std::uint32_t)) return false;
  const std::size_t before = groups.size();
  groups.resize(before + header.nr_groups);
  if (header.nr_groups != 0) {
    std::memcpy(groups.data() + before, body.data(), header.nr_groups * sizeof(std::uint32_t));
  }
  return true;
}

template <class Struct>
void put(std::vector<std::byte>& out, const Struct& value) {
  const auto* start = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), start, start + sizeof(value));
}

}  // namespace

tl::expected<Extensions, MessageError> parse_extensions(Bytes bytes) {
  Extensions extensions;
  while (!bytes.empty()) {
    wire::ExtHeader header{};
    Bytes body = bytes;
    if (!take(body, header) || header.size < sizeof(header) || header.size > bytes.size()) {
      return tl::unexpected(MessageError::kBadExtensions);
    }
    body = body.first(header.size - sizeof(header));
    if (header.type <= kExtMaxSecctx) {
      // A wire::SecctxHeader: the type is the number of contexts.
      extensions.has_security_block = true;
      for (std::uint32_t i = 0; i < header.type; ++i) {
        SecurityContext context;
        if (!take_security_context(body, context)) return tl::unexpected(MessageError::kBadExtensions);
        extensions.security_contexts.push_back(context);
      }
    } else if (header.type == kExtGroups) {
      if (!take_groups(body, extensions.groups)) return tl::unexpected(MessageError::kBadExtensions);
    }
    bytes = bytes.subspan(std::min(padded(header.size), bytes.size()));
  }
  return extensions;
}

std::vector<std::byte> encode_extensions(const Extensions& extensions) {
  std::vector<std::byte> out;
  if (extensions.has_security_block || !extensions.security_contexts.empty()) {
    FUSEREPLAY_CHECK(extensions.security_contexts.size() <= kExtMaxSecctx, "the protocol carries 31 contexts at most");
    put(out, wire::SecctxHeader{});
    for (const SecurityContext& context : extensions.security_contexts) {
      put(out, wire::Secctx{.size = static_cast<std::uint32_t>(context.value.size()), .padding = 0});
      const auto name = std::as_bytes(std::span(context.name));
      out.insert(out.end(), name.begin(), name.end());
      out.push_back(std::byte{});
      out.insert(out.end(), context.value.begin(), context.value.end());
      out.resize(padded(out.size()));
    }
    const wire::SecctxHeader header{.size = static_cast<std::uint32_t>(out.size()),
                                    .nr_secctx = static_cast<std::uint32_t>(extensions.security_contexts.size())};
    std::memcpy(out.data(), &header, sizeof(header));
  }
  if (!extensions.groups.empty()) {
    const std::size_t size =
        padded(sizeof(wire::ExtHeader) + sizeof(wire::SuppGroups) + extensions.groups.size() * sizeof(std::uint32_t));
    put(out, wire::ExtHeader{.size = static_cast<std::uint32_t>(size), .type = kExtGroups});
    put(out, wire::SuppGroups{.nr_groups = static_cast<std::uint32_t>(extensions.groups.size())});
    for (const std::uint32_t group : extensions.groups) put(out, group);
    out.resize(padded(out.size()));
  }
  return out;
}

}  // namespace fusereplay
