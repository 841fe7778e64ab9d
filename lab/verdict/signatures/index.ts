/** The catalogue: a new subsystem is one file of data in this folder and one line below. */

import { ath } from './ath.ts';
import { ath10k } from './ath10k.ts';
import { ath11k } from './ath11k.ts';
import { b43 } from './b43.ts';
import { bluetooth } from './bluetooth.ts';
import { bluetoothVendor } from './bluetooth-vendor.ts';
import { boot } from './boot.ts';
import { brcmfmac } from './brcmfmac.ts';
import { brcmfmacSdio } from './brcmfmac-sdio.ts';
import { dhcp } from './dhcp.ts';
import { filesystem } from './filesystem.ts';
import { firmware } from './firmware.ts';
import { hostapd } from './hostapd.ts';
import { hostapdStations } from './hostapd-stations.ts';
import { iommu } from './iommu.ts';
import { iwlwifi } from './iwlwifi.ts';
import { iwlwifiHw } from './iwlwifi-hw.ts';
import { kernel } from './kernel.ts';
import { kernelCheck } from './kernel-check.ts';
import { kernelCrash } from './kernel-crash.ts';
import { kernelHang } from './kernel-hang.ts';
import { mac80211 } from './mac80211.ts';
import { mac80211Device } from './mac80211-device.ts';
import { mmc } from './mmc.ts';
import { modem } from './modem.ts';
import { modemManager } from './modem-manager.ts';
import { module } from './module.ts';
import { mt76 } from './mt76.ts';
import { mt76x02 } from './mt76x02.ts';
import { mt6625l } from './mt6625l.ts';
import { mwifiex } from './mwifiex.ts';
import { mwifiexBus } from './mwifiex-bus.ts';
import { netifd } from './netifd.ts';
import { pcie } from './pcie.ts';
import { power } from './power.ts';
import { ppp } from './ppp.ts';
import { realtek } from './realtek.ts';
import { rt2x00 } from './rt2x00.ts';
import { rtl } from './rtl.ts';
import { rtw89 } from './rtw89.ts';
import type { Signature } from './signature.ts';
import { sim } from './sim.ts';
import { usb } from './usb.ts';
import { usbConfig } from './usb-config.ts';
import { usbHost } from './usb-host.ts';
import { wifiOther } from './wifi-other.ts';
import { wpaSupplicant } from './wpa_supplicant.ts';
import { wwan } from './wwan.ts';
import { wwanPcie } from './wwan-pcie.ts';

/** In order: where two signatures match a line with literals of the same length, the earlier one counts. */
export const SIGNATURES: readonly Signature[] = [
  ...ath,
  ...ath10k,
  ...ath11k,
  ...b43,
  ...bluetoothVendor,
  ...bluetooth,
  ...boot,
  ...brcmfmacSdio,
  ...brcmfmac,
  ...dhcp,
  ...filesystem,
  ...firmware,
  ...hostapdStations,
  ...hostapd,
  ...iommu,
  ...iwlwifiHw,
  ...iwlwifi,
  ...kernelCheck,
  ...kernelCrash,
  ...kernelHang,
  ...kernel,
  ...mac80211Device,
  ...mac80211,
  ...mmc,
  ...modemManager,
  ...modem,
  ...module,
  ...mt6625l,
  ...mt76,
  ...mt76x02,
  ...mwifiexBus,
  ...mwifiex,
  ...netifd,
  ...pcie,
  ...power,
  ...ppp,
  ...realtek,
  ...rt2x00,
  ...rtl,
  ...rtw89,
  ...sim,
  ...usbConfig,
  ...usbHost,
  ...usb,
  ...wifiOther,
  ...wpaSupplicant,
  ...wwanPcie,
  ...wwan,
];
