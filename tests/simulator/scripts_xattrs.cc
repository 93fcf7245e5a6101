// Extended attributes.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"ExtendedAttributes", "", R"(
open f /a rw,creat 0644
close f
setxattr /a user.one first
setxattr /a user.two second xcreate
setxattr /a user.two third xcreate
setxattr /a user.none x xreplace
getxattr /a user.one
getxattr /a user.one 0
getxattr /a user.one 2
getxattr /a user.none
listxattr /a
listxattr /a 0
listxattr /a 3
removexattr /a user.one
removexattr /a user.one
listxattr /a
stat /a
symlink a /l
mknod /fifo 0010644
setxattr /fifo user.one x
getxattr /fifo user.one
)"},
    {"WithoutExtendedAttributes", "[without:getxattr,setxattr,listxattr,removexattr]", R"(
open f /a rw,creat 0644
write f x
setxattr /a user.x y
setxattr /a user.x y
getxattr /a user.x
getxattr /a user.x 0
listxattr /a
listxattr /a 0
removexattr /a user.x
removexattr /a user.x
chown /a 5 5
close f
)"},
    {"ShortSetxattr", "[refuse:setxattr_ext]", R"(
open f /a rw,creat 0644
setxattr /a user.x y
getxattr /a user.x
close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_xattrs() {
  return kScripts;
}

}  // namespace fusereplay::testing
