/** What images of virtual boards are made of. Data only: Debian packages, kernel modules, and what is left out of both. */

export interface Recipe {
  /** Raise it when the way of building changes without a change of the data below. */
  revision: number;
  release: string;
  /** As Debian names it. */
  architecture: 'amd64' | 'arm64';
  /** Depends on the newest stock kernel; its version is read from what was really fetched. */
  kernel: string;
  kernelFormat: 'bzimage' | 'arm64-image';
  packages: readonly string[];
  /** Dependencies that are left out. */
  skip: readonly string[];
  /** Packages of which only these files are wanted. */
  only: Readonly<Record<string, readonly string[]>>;
  /** Paths never unpacked (tar patterns). */
  exclude: readonly string[];
  /** Folders of rootfs/ laid over the unpacked packages, one after the other. */
  rootfs: readonly string[];
  /** What /bin/sh is. */
  shell: 'dash' | 'busybox';
  /** Files of the root that the BusyBox of the initrd needs. */
  initrdFiles: readonly string[];
  /** Loaded before the root is there, in the order of their dependencies. */
  bootModules: readonly string[];
  /** Kernel modules on the board, as shell patterns over their names; what they depend on comes with them. */
  modules: readonly string[];
  /** Terminal of the serial console. */
  console: string;
  /** Size of the disk that keeps what is written on a board; sparse on the host. */
  dataDiskMiB: number;
}

type Shared = Pick<
  Recipe,
  'revision' | 'release' | 'skip' | 'exclude' | 'bootModules' | 'modules' | 'dataDiskMiB'
>;

/** What all kinds have in common. */
export const SHARED: Shared = {
  revision: 2,
  release: 'bookworm',

  /** Dependencies that only maintainer scripts, Perl or an initramfs of Debian need; BusyBox stands in for the tools. */
  skip: [
    'adduser',
    'base-files',
    'cpio',
    'debconf',
    'debianutils',
    'dpkg',
    'gcc-12-base',
    'init-system-helpers',
    'initramfs-tools',
    'initramfs-tools-core',
    'klibc-utils',
    'libdb5.3',
    'libfile-find-rule-perl',
    'libgdbm-compat4',
    'libgdbm6',
    'libklibc',
    'libnumber-compare-perl',
    'libpam-modules',
    'libpam-modules-bin',
    'libpam-runtime',
    'libperl5.36',
    'libsemanage-common',
    'libsemanage2',
    'libtext-glob-perl',
    'linux-base',
    'logsave',
    'lsb-base',
    'mawk',
    'openssh-client',
    'passwd',
    'perl',
    'perl-base',
    'perl-modules-5.36',
    'readline-common',
    'runit-helper',
    'sensible-utils',
    'sysvinit-utils',
    'tar',
    'ucf',
    'usrmerge',
  ],

  exclude: [
    './usr/share/doc',
    './usr/share/man',
    './usr/share/info',
    './usr/share/locale',
    './usr/share/lintian',
    './usr/share/bug',
    './usr/share/bash-completion',
    './usr/share/initramfs-tools',
    './lib/udev/hwdb.d',
    './lib/systemd/system',
    './etc/init.d',
    './etc/ssh',
    './etc/default',
    './etc/pam.d',
    './etc/apparmor.d',
    './boot/System.map*',
    './lib/modules/*/kernel/drivers/gpu',
    './lib/modules/*/kernel/drivers/infiniband',
    './lib/modules/*/kernel/drivers/iio',
    './lib/modules/*/kernel/drivers/net/ethernet',
    './lib/modules/*/kernel/drivers/scsi/[!s]*',
  ],

  bootModules: [
    'crc32c_generic',
    'virtio_pci',
    'virtio_blk',
    'ext4',
    'squashfs',
    'overlay',
    'qemu_fw_cfg',
    'virtio_net',
  ],

  modules: [
    // Virtual hardware, storage and crash capture.
    'virtio_*',
    'softdog',
    'ramoops',
    'loop',
    'vfat',
    'nls_ascii',
    'nls_cp437',
    'nls_iso8859-1',
    'sd_mod',
    // Wi-Fi: the driver under test, what encryption asks the kernel for, and real USB adapters.
    'mac80211_hwsim',
    'ccm',
    'gcm',
    'ctr',
    'cmac',
    'ghash-generic',
    'arc4',
    'rtl8xxxu',
    'ath9k_htc',
    'mt7601u',
    'mt76x0u',
    'mt76x2u',
    'mt7921u',
    'rt2800usb',
    // Networking and traffic shaping.
    'veth',
    'bridge',
    'br_netfilter',
    'tun',
    'dummy',
    'ifb',
    'macvlan',
    '8021q',
    'nlmon',
    'tcp_bbr',
    'sch_*',
    'cls_*',
    'act_mirred',
    'act_gact',
    'act_police',
    'act_skbedit',
    'em_u32',
    'nf_tables',
    'nft_*',
    // USB hosts, devices and gadgets, also over the network and without hardware.
    'xhci-pci',
    'ehci-pci',
    'uhci-hcd',
    'usb-storage',
    'uas',
    'usbhid',
    'usbmon',
    'usbip-host',
    'usbip-vudc',
    'vhci-hcd',
    'dummy_hcd',
    'libcomposite',
    'usb_f_acm',
    'usb_f_ecm',
    'usb_f_eem',
    'usb_f_fs',
    'usb_f_hid',
    'usb_f_mass_storage',
    'usb_f_ncm',
    'usb_f_obex',
    'usb_f_rndis',
    'usb_f_serial',
    'g_ether',
    'g_serial',
    'btusb',
    // Modems.
    'usbserial',
    'usb_wwan',
    'option',
    'qcserial',
    'sierra',
    'sierra_net',
    'ftdi_sio',
    'cp210x',
    'ch341',
    'pl2303',
    'wwan',
    'mhi_wwan_*',
    'qmi_wwan',
    'cdc-acm',
    'cdc-wdm',
    'cdc_ether',
    'cdc_mbim',
    'cdc_ncm',
    'huawei_cdc_ncm',
    'rndis_host',
    'r8152',
    'asix',
    'ax88179_178a',
    'smsc95xx',
    'ppp_async',
    'ppp_deflate',
  ],

  dataDiskMiB: 512,
};

/** Programs of the lab machine that building and running need, with the Debian package of each. */
export const HOST_TOOLS = {
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  tar: 'tar',
  xz: 'xz-utils',
  mksquashfs: 'squashfs-tools',
  mke2fs: 'e2fsprogs',
  'qemu-img': 'qemu-utils',
  flock: 'util-linux',
} as const;
